"""Search in Elasticsearch, with PostgreSQL as the fallback while it is unavailable or has no index."""

from typing import Any

from elasticsearch import NotFoundError

from movies.foundation.background_threads import CircuitBreaker
from movies.search import postgres_search
from movies.search.elastic.connection import ELASTICSEARCH_UNAVAILABLE, QUERY_SECONDS, client
from movies.search.elastic.documents import ALIAS
from movies.search.filters import Filters
from movies.search.spelling import AllOf, Meaning
from movies.search.title_words import Reading, first_found

PROBE_SECONDS = 1.0

Query = dict[str, Any]


def find(q: str, filters: Filters, *, limit: int, offset: int = 0) -> list[int]:
    """As engine.search: ids of at most MAX_RESULTS movies, best match first."""
    if not breaker.open:
        try:
            return _find(q, filters, limit=limit, offset=offset)
        except NotFoundError:
            pass  # before the first rebuild
        except ELASTICSEARCH_UNAVAILABLE as error:
            breaker.trip(error)
    return postgres_search.find(q, filters, limit=limit, offset=offset)


def _find(q: str, filters: Filters, *, limit: int, offset: int) -> list[int]:
    visible: list[Query] = [{"term": {"deleted": False}}]
    if filters.hidden is not None:
        visible.append({"term": {"hidden": filters.hidden}})
    if filters.genre is not None:
        visible.append({"term": {"genres": filters.genre}})

    def engine(reading: Reading, limit: int) -> list[int]:
        answer = client(QUERY_SECONDS).search(
            index=ALIAS,
            query={"bool": {"must": query(reading), "filter": visible}},
            sort=[{"_score": "desc"}, {"views": "desc"}, {"id": "asc"}],
            size=limit,
            source=False,
            track_total_hits=False,
        )
        return [int(hit["_id"]) for hit in answer["hits"]["hits"]]

    return first_found(q, engine, limit=limit, offset=offset)


def query(reading: Reading) -> Query:
    """The Elasticsearch query of a reading; the score is that of the tier, or the sum of the weights."""
    if isinstance(reading, AllOf):
        tiers = [
            _scored({"bool": {"filter": [_any_of(meaning) for meaning in tier]}}, score)
            for score, tier in enumerate(reversed(reading.tiers), 1)
        ]
        return {"dis_max": {"queries": tiers}}
    rare = [_scored(_any_of(meaning), weight) for meaning, weight in reading.rare]
    common = [_scored(_any_of(meaning), 1) for meaning in reading.common]
    return {"bool": {"must": {"bool": {"should": rare}}, "should": common}}


def _scored(condition: Query, score: int) -> Query:
    return {"constant_score": {"filter": condition, "boost": score}}


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
