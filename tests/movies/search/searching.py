"""Both engines of search for tests: an inventory made visibly, and what a query finds in it."""

from collections.abc import Callable, Iterator

import pytest
from elasticsearch import Elasticsearch
from pytest_django import Settings

from movies.models import Movie, ViewCount
from movies.search.elastic import indexing
from movies.search.elastic.documents import INDICES
from movies.search.engine import search
from tests.movies.factories import movie

Make = Callable[..., list[int]]


def found(q: str, limit: int = 20, **filters: object) -> list[str]:
    """Titles, the best first."""
    titles = dict(Movie.objects.values_list("id", "title"))
    return [titles[movie_id] for movie_id in search(q, limit=limit, **filters)]  # type: ignore[arg-type]


def made(*titles: str | tuple[str, int]) -> list[int]:
    """Movies of these titles, with views or without: their ids."""
    ids = []
    for title, views in ((title, 0) if isinstance(title, str) else title for title in titles):
        ids.append(movie(title).pk)
        ViewCount.objects.filter(movie=ids[-1]).update(views=views)
    return ids


def indexed(*titles: str | tuple[str, int]) -> list[int]:
    """As `made`, and Elasticsearch holds exactly the inventory."""
    ids = made(*titles)
    indexing.rebuild()
    return ids


@pytest.fixture
def postgresql(db: None) -> Make:
    """Makes movies that PostgreSQL finds."""
    return made


@pytest.fixture
def elasticsearch(elasticsearch_url: str, settings: Settings) -> Iterator[Elasticsearch]:
    """The live server without an index of movies; searches use it."""
    settings.ELASTICSEARCH_URL = elasticsearch_url
    settings.SEARCH_FUNCTION = "movies.search.elastic.search.find"
    with Elasticsearch(elasticsearch_url, request_timeout=60) as client:
        forget_indices(client)
        yield client
        forget_indices(client)


@pytest.fixture
def elastic(db: None, elasticsearch: Elasticsearch, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes movies that Elasticsearch finds; PostgreSQL does not answer in its place."""

    def refuse(q: str, **more: object) -> list[int]:
        raise AssertionError(f"PostgreSQL was asked for {q!r}")

    monkeypatch.setattr("movies.search.elastic.search.postgres_search.find", refuse)
    monkeypatch.setattr(
        "movies.search.elastic.search.QUERY_SECONDS", 60.0
    )  # a busy machine is no reason to ask PostgreSQL
    return indexed


def forget_indices(elasticsearch: Elasticsearch) -> None:
    """There are none of movies."""
    for name in elasticsearch.indices.get(index=f"{INDICES}-*"):
        elasticsearch.indices.delete(index=name)
    elasticsearch.options(ignore_status=404).indices.delete(index=indexing.STATE)
