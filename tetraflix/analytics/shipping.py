"""Sends activity records in bulk to the daily indices; sending the same batch again changes nothing."""

import functools
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from elasticsearch import TransportError

from movies.foundation.events import Activity
from movies.genres import GENRES
from movies.search.elastic.connection import ELASTICSEARCH_UNAVAILABLE, client
from tetraflix.analytics.indices import ensure_index, ensure_template, index_of

logger = logging.getLogger(__name__)

# What `ship` raises when the same records may be sent later.
UNAVAILABLE_ERRORS = (*ELASTICSEARCH_UNAVAILABLE, OperationalError, InterfaceError)
BULK_SECONDS = 10.0
ALREADY_THERE = 409
BUSY = (429, 503)
NO_INDEX = 404
HEADERS = {"accept": "application/json", "content-type": "application/x-ndjson"}


def ship(records: Sequence[Activity], name: str) -> int:
    """Stores the records in Elasticsearch; returns how many it refused. The same `name` again makes no second copy.

    Raises UNAVAILABLE_ERRORS when Elasticsearch does not answer or is overloaded.
    """
    elasticsearch = client(BULK_SECONDS)
    for day in {datetime.fromtimestamp(record.at, UTC).date() for record in records}:
        ensure_daily_index(settings.ELASTICSEARCH_URL, index_of(day))
    answer = elasticsearch.perform_request(
        "POST",
        "/_bulk",
        params={"filter_path": "errors,items.*.status,items.*.error.reason"},
        headers=HEADERS,
        body=b"\n".join(
            _lines(records, name.encode())
        ),  # in one piece, because the client would process each line
    ).body
    if not answer["errors"]:
        return 0
    if any(item["create"]["status"] in BUSY for item in answer["items"]):
        raise TransportError("Elasticsearch is overloaded")
    if any(item["create"]["status"] == NO_INDEX for item in answer["items"]):
        ensure_daily_index.cache_clear()
        raise TransportError("an index of activity was deleted; it will be created again")
    bad = [item["create"] for item in answer["items"] if _refused(item["create"]["status"])]
    if bad:
        logger.error("%s activity records refused: %s", len(bad), bad[0].get("error", {}).get("reason"))
    return len(bad)


def _refused(status: int) -> bool:
    return status >= 400 and status != ALREADY_THERE


@functools.lru_cache(maxsize=8)  # once for each process, address and day; an error is not cached
def ensure_daily_index(url: str, index: str) -> None:
    """Creates the index and its template. Raises UNAVAILABLE_ERRORS."""
    elasticsearch = client(BULK_SECONDS)
    ensure_template(elasticsearch)
    ensure_index(elasticsearch, index)


def _lines(records: Sequence[Activity], name: bytes) -> Iterator[bytes]:
    profiles = _profiles({movie for record in records for movie in record.viewed})
    for number, record in enumerate(records):
        at = datetime.fromtimestamp(record.at, UTC)
        yield b'{"create":{"_index":"%b","_id":"%b-%d"}}' % (
            index_of(at.date()).encode(),
            name,
            number,
        )
        yield orjson.dumps(_document(record, at, profiles))


def _document(record: Activity, at: datetime, profiles: dict[int, Sequence[int]]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "@timestamp": at,
        "kind": record.kind,
        "genre" if record.kind == "genre-data" else "user": record.who,
        "movies": record.movies,
    }
    if record.kind == "session-data":
        document["progress"] = list(record.progress)
        document["views"] = len(record.viewed)
        if record.viewed:
            weights = zip(*(profiles[movie] for movie in record.viewed if movie in profiles), strict=True)
            sums = zip(GENRES, map(sum, weights), strict=False)
            document["genre_views"] = {genre: total / 100 for genre, total in sums if total}
    return document


def _profiles(movie_ids: set[int]) -> dict[int, Sequence[int]]:
    if not movie_ids:
        return {}
    with connection.cursor() as cursor:  # no model, because this module is imported before the models
        cursor.execute("SELECT id, profile FROM movies_movie WHERE id = ANY (%s)", [list(movie_ids)])
        return dict(cursor.fetchall())
