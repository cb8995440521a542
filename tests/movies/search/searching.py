"""Fixtures of both search engines: movies with given titles, and the titles that a query finds."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from pytest_django import Settings

from movies.models import Movie, ViewCount
from movies.search.elastic import indexing
from movies.search.elastic.documents import INDICES
from movies.search.engine import search
from movies.search.filters import Filters
from tests.movies.factories import movie

Make = Callable[..., list[int]]


def found(q: str, limit: int = 20, **filters: Any) -> list[str]:
    """Titles of the results, best first."""
    titles = dict(Movie.objects.values_list("id", "title"))
    return [titles[movie_id] for movie_id in search(q, Filters(**{"hidden": False, **filters}), limit=limit)]


def made(*titles: str | tuple[str, int]) -> list[int]:
    """Adds movies with these titles, or (title, views); returns their ids."""
    ids = []
    for title, views in ((title, 0) if isinstance(title, str) else title for title in titles):
        ids.append(movie(title).pk)
        ViewCount.objects.filter(movie=ids[-1]).update(views=views)
    return ids


def indexed(*titles: str | tuple[str, int]) -> list[int]:
    """As `made`, and rebuilds the Elasticsearch index."""
    ids = made(*titles)
    indexing.rebuild()
    return ids


@pytest.fixture
def postgresql(db: None) -> Make:
    """Adds movies that PostgreSQL finds."""
    return made


@pytest.fixture
def elasticsearch(elasticsearch_url: str, settings: Settings) -> Iterator[Elasticsearch]:
    """A running Elasticsearch without an index of movies; searches use it."""
    settings.ELASTICSEARCH_URL = elasticsearch_url
    settings.SEARCH_FUNCTION = "movies.search.elastic.search.find"
    with Elasticsearch(elasticsearch_url, request_timeout=60) as client:
        forget_indices(client)
        yield client
        forget_indices(client)


@pytest.fixture
def elastic(db: None, elasticsearch: Elasticsearch, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Adds movies that Elasticsearch finds, without falling back to PostgreSQL."""

    def refuse(q: str, **more: object) -> list[int]:
        raise AssertionError(f"PostgreSQL was asked for {q!r}")

    monkeypatch.setattr("movies.search.elastic.search.postgres_search.find", refuse)
    # so that a busy machine does not fall back to PostgreSQL
    monkeypatch.setattr("movies.search.elastic.search.QUERY_SECONDS", 60.0)
    return indexed


def forget_indices(elasticsearch: Elasticsearch) -> None:
    """Deletes all indices of movies."""
    for name in elasticsearch.indices.get(index=f"{INDICES}-*"):
        elasticsearch.indices.delete(index=name)
    elasticsearch.options(ignore_status=404).indices.delete(index=indexing.STATE)
