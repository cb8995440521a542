"""The daily indices of activity: names, mapping and retention."""

import functools
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from elasticsearch import BadRequestError, Elasticsearch

from movies.genres import GENRES
from movies.search.elastic.connection import client

PREFIX = "tetraflix-activity-"
TEMPLATE = "tetraflix-activity"

MAPPING: dict[str, Any] = {
    "dynamic": "strict",  # a document with another field is a bug: refused, and logged
    "properties": {
        "@timestamp": {"type": "date"},
        "kind": {"type": "keyword"},
        "user": {"type": "long"},
        "genre": {"type": "keyword"},
        "movies": {"type": "integer"},
        "progress": {"type": "float"},
        "views": {"type": "integer"},
        # a view adds weight/100 to each genre of its movie
        "genre_views": {"properties": {genre: {"type": "float"} for genre in GENRES}},
    },
}
SETTINGS = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "5s"}


@functools.lru_cache(maxsize=8)
def index_of(day: date) -> str:
    """The name of the index for a day's activity."""
    return f"{PREFIX}{day:%Y.%m.%d}"


def day_of(index: str) -> date | None:
    """The day of an index; None for an index with another kind of name."""
    try:
        return datetime.strptime(index.removeprefix(PREFIX), "%Y.%m.%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def ensure_template(elasticsearch: Elasticsearch) -> None:
    """Creates the template that gives every new daily index its mapping. Safe to repeat."""
    elasticsearch.indices.put_index_template(
        name=TEMPLATE,
        index_patterns=[f"{PREFIX}*"],
        priority=200,
        template={"settings": SETTINGS, "mappings": MAPPING},
    )


def ensure_index(elasticsearch: Elasticsearch, index: str) -> None:
    """Creates the index unless it exists, because clusters may forbid creation by a write (auto_create_index)."""
    try:
        elasticsearch.indices.create(index=index)  # with the template's mapping
    except BadRequestError as error:
        if error.error != "resource_already_exists_exception":
            raise


def drop_old(today: date) -> list[str]:
    """Deletes the indices of days more than ACTIVITY_KEPT_DAYS ago; returns their names."""
    elasticsearch = client()
    oldest = today - timedelta(days=settings.ACTIVITY_KEPT_DAYS)
    names = elasticsearch.indices.get(index=f"{PREFIX}*", filter_path="*.settings.index.uuid").keys()
    old = sorted(name for name in names if (day := day_of(name)) is not None and day < oldest)
    for name in old:
        elasticsearch.indices.delete(index=name, ignore_unavailable=True)
    return old
