"""Search in Elasticsearch; while it is away, or has no index yet, PostgreSQL answers."""

from typing import Any

from elasticsearch import NotFoundError

from movies.foundation.circuit_breaker import CircuitBreaker
from movies.search import postgres_search
from movies.search.elastic.connection import AWAY, QUERY_SECONDS, client
from movies.search.elastic.documents import ALIAS
from movies.search.spelling import AllOf, Meaning
from movies.search.title_words import Reading, first_found

PROBE_SECONDS = 1.0

Query = dict[str, Any]


def find(
    q: str, *, genre: str | None = None, hidden: bool | None = False, limit: int, offset: int = 0
) -> list[int]:
    """As postgres_search.find: ids of movies, best match first, more views first among equal ones."""
    if not breaker.open:
        try:
            return _find(q, genre=genre, hidden=hidden, limit=limit, offset=offset)
        except NotFoundError:
            pass  # before the first rebuild
        except AWAY as error:
            breaker.trip(error)
    return postgres_search.find(q, genre=genre, hidden=hidden, limit=limit, offset=offset)


def _find(q: str, *, genre: str | None, hidden: bool | None, limit: int, offset: int) -> list[int]:
    visible: list[Query] = [{"term": {"deleted": False}}]
    if hidden is not None:
        visible.append({"term": {"hidden": hidden}})
    if genre is not None:
        visible.append({"term": {"genres": genre}})

    def engine(reading: Reading, most: int) -> list[int]:
        answer = client(QUERY_SECONDS).search(
            index=ALIAS,
            query={"bool": {"must": query(reading), "filter": visible}},
            sort=[{"_score": "desc"}, {"views": "desc"}, {"id": "asc"}],
            size=most,
            source=False,
            track_total_hits=False,
        )
        return [int(hit["_id"]) for hit in answer["hits"]["hits"]]

    return first_found(q, engine, limit=limit, offset=offset)


def query(reading: Reading) -> Query:
    """What the reading finds; its score is the tier's, or the sum of the weights."""
    if isinstance(reading, AllOf):
        tiers = [
            _scored({"bool": {"filter": [_any_of(meaning) for meaning in tier]}}, score)
            for score, tier in enumerate(reversed(reading.tiers), 1)
        ]
        return {"dis_max": {"queries": tiers}}
    telling = [_scored(_any_of(meaning), weight) for meaning, weight in reading.telling]
    common = [_scored(_any_of(meaning), 1) for meaning in reading.common]
    return {"bool": {"must": {"bool": {"should": telling}}, "should": common}}


def _scored(what: Query, score: int) -> Query:
    return {"constant_score": {"filter": what, "boost": score}}


def _any_of(meaning: Meaning) -> Query:
    alternatives: list[Query] = [{"terms": {"terms": list(meaning.words)}}]
    for phrase in meaning.phrases:
        alternatives.append({"bool": {"filter": [{"term": {"terms": word}} for word in phrase]}})
    if meaning.prefix:
        alternatives.append({"prefix": {"terms": meaning.words[0]}})
    return {"bool": {"should": alternatives}}


def _probe() -> None:
    client(PROBE_SECONDS).search(index=ALIAS, size=0)


breaker = CircuitBreaker("Elasticsearch", _probe)
