"""Search in Elasticsearch; while it is away, or has no index yet, PostgreSQL answers."""

from typing import Any

from elasticsearch import NotFoundError
from elasticsearch.dsl import Q, Search

from movies import fulltext
from movies.breaker import Breaker
from movies.elastic.connection import AWAY, QUERY_SECONDS, client
from movies.elastic.documents import ALIAS

PROBE_SECONDS = 1.0


def find(
    q: str, *, genre: str | None = None, hidden: bool | None = False, limit: int, offset: int = 0
) -> list[int]:
    """As fulltext.find: ids of movies, best match first, more views first among equal ones."""
    if not breaker.open:
        try:
            return _find(q, genre=genre, hidden=hidden, limit=limit, offset=offset)
        except NotFoundError:
            pass  # before the first rebuild
        except AWAY as error:
            breaker.trip(error)
    return fulltext.find(q, genre=genre, hidden=hidden, limit=limit, offset=offset)


def _find(q: str, *, genre: str | None, hidden: bool | None, limit: int, offset: int) -> list[int]:
    limit = min(limit, fulltext.MOST_RESULTS - offset)
    if limit <= 0:
        return []
    search = query(q[: fulltext.LONGEST_QUERY], genre=genre, hidden=hidden)[offset : offset + limit]
    hits = client(QUERY_SECONDS).search(index=ALIAS, body=search.to_dict())["hits"]["hits"]
    return [int(hit["_id"]) for hit in hits]


def query(q: str, *, genre: str | None, hidden: bool | None) -> Search:
    """Titles with all the words, or most of them a little misspelt; nearer to what was asked is better."""
    nearest = [
        Q("term", **{"title.whole": {"value": q, "boost": 20}}),
        Q("match_phrase", title={"query": q, "boost": 6}),
        Q("match", title={"query": q, "operator": "and", "boost": 4}),
        Q("match", **{"title.begun": {"query": q, "operator": "and", "boost": 2}}),
        Q("match", title={"query": q, "fuzziness": "AUTO", "minimum_should_match": "2<75%"}),
    ]
    filters: list[Any] = [Q("term", deleted=False)]
    if hidden is not None:
        filters.append(Q("term", hidden=hidden))
    if genre is not None:
        filters.append(Q("term", genres=genre))
    return (
        Search()
        .query("bool", must=[Q("dis_max", queries=nearest, tie_breaker=0.1)], filter=filters)
        .sort("_score", "-views", "id")
        .source(False)
        .extra(track_total_hits=False)
    )


def _probe() -> None:
    client(PROBE_SECONDS).search(index=ALIAS, size=0)


breaker = Breaker("Elasticsearch", _probe)
