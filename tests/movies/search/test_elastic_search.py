"""The Elasticsearch index: updates, rebuilds without downtime, and the fallback to PostgreSQL."""

import json
import time
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from elastic_transport import Transport
from elasticsearch import Elasticsearch
from pytest_django import Settings

from movies.inventory import services
from movies.models import MovieChange, ViewCount
from movies.search import engine
from movies.search.elastic import indexing
from movies.search.elastic import search as elastic_search
from movies.search.elastic.connection import ELASTICSEARCH_UNAVAILABLE
from movies.search.elastic.documents import ALIAS, INDICES, MovieDocument
from movies.search.elastic.management.commands import rebuild_search
from movies.search.elastic.tasks import index_changes
from movies.search.filters import Filters
from tests.movies.factories import profile
from tests.movies.search.searching import elasticsearch
from tests.servers.java.elasticsearch import ElasticsearchServer
from tests.waiting import wait_until

__all__ = ["elasticsearch"]
pytestmark = pytest.mark.django_db(transaction=True)
DRAMA, COMEDY = profile(drama=100), profile(comedy=100)


def add(title: str, weights: list[int] = DRAMA, views: int = 0, hidden: bool = False) -> int:
    movie = services.add_movie(title=title, profile=weights, hidden=hidden, actor="test")
    ViewCount.objects.filter(movie=movie.id).update(views=views)
    return movie.id


def found(q: str, limit: int = 20, **filters: Any) -> list[int]:
    return engine.search(q, Filters(**{"hidden": False, **filters}), limit=limit)


def test_a_bulk_request_has_the_whole_movie(elasticsearch: Elasticsearch, monkeypatch: pytest.MonkeyPatch):
    """With another elasticsearch package every document was sent empty, without an error."""
    bodies: list[Any] = []
    request = Transport.perform_request

    def remember(self: Transport, method: str, target: str, **more: Any) -> Any:
        if "_bulk" in target:
            bodies.append(more["body"])
        return request(self, method, target, **more)

    monkeypatch.setattr(Transport, "perform_request", remember)
    movie = add("Heat", COMEDY, views=7)
    index = indexing.rebuild().index
    action, source = (json.loads(line) if isinstance(line, bytes | str) else line for line in bodies[0])
    assert action == {
        "index": {"_id": str(movie), "_index": index, "version": 1, "version_type": "external_gte"}
    }
    assert source == {
        "id": movie,
        "title": "Heat",
        "terms": ["=heat", "heat"],
        "genres": ["comedy"],
        "hidden": False,
        "deleted": False,
        "views": 7,
    }
    assert elasticsearch.get(index=ALIAS, id=str(movie))["_source"] == source


def test_every_kind_of_change_reaches_the_index(elasticsearch: Elasticsearch):
    edited, hidden, deleted = add("Alpha"), add("Beta"), add("Gamma")
    indexing.rebuild()
    services.change_movie(movie_id=edited, title="Delta", actor="test")
    services.hide_movies(movie_ids=[hidden], actor="test")
    services.delete_movie(movie_id=deleted, actor="test")
    added = add("Epsilon")
    assert index_changes() == 4
    elasticsearch.indices.refresh(index=ALIAS)
    assert [found(q) for q in ("alpha", "delta", "beta", "gamma", "epsilon")] == [
        [],
        [edited],
        [],
        [],
        [added],
    ]
    services.show_movies(movie_ids=[hidden], actor="test")
    services.add_movie(title="Gamma", profile=DRAMA, movie_id=deleted, actor="test")
    assert index_changes() == 2
    elasticsearch.indices.refresh(index=ALIAS)
    assert [found(q) for q in ("beta", "gamma")] == [[hidden], [deleted]]
    assert index_changes() == 0


def test_an_older_version_that_arrives_late_changes_nothing(elasticsearch: Elasticsearch):
    movie = add("Alpha")
    index = indexing.rebuild().index
    services.change_movie(movie_id=movie, title="Beta", actor="test")
    services.delete_movie(movie_id=movie, actor="test")
    for changes in ([3], [1, 2, 3, 2, 1]):
        for version in changes:
            change = MovieChange.objects.get(movie_id=movie, version=version)
            indexing.send_movies(elasticsearch, index, [indexing.movie_after(change, {})])
    elasticsearch.indices.refresh(index=ALIAS)
    assert elasticsearch.get(index=index, id=str(movie))["_source"]["deleted"] is True
    assert found("alpha") == found("beta") == []


def test_a_change_made_during_a_rebuild_is_in_the_new_index(elasticsearch: Elasticsearch):
    kept, edited = add("Alpha"), add("Beta")
    first = indexing.rebuild().index
    changed: list[int] = []

    def meanwhile(movies: int) -> None:
        if not changed:
            changed.append(movies)
            services.change_movie(movie_id=edited, title="Gamma", actor="test")
            services.delete_movie(movie_id=kept, actor="test")
            assert found("alpha") == [kept]  # the old index is in use

    second = indexing.rebuild(meanwhile).index
    assert changed == [2]
    assert [found(q) for q in ("alpha", "beta", "gamma")] == [[], [], [edited]]
    assert list(elasticsearch.indices.get(index=f"{ALIAS}-*")) == [second] != [first]


def test_a_rebuild_indexes_movies_loaded_without_change_records(elasticsearch: Elasticsearch):
    add("Alpha")
    first = indexing.rebuild().index
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'on'")
        cursor.execute(
            "INSERT INTO movies_movie (title, profile) VALUES ('Beta', %s::smallint[]) RETURNING id",
            [DRAMA],
        )
        (loaded,) = cursor.fetchone()
    assert index_changes() == 2
    assert found("beta") == [loaded]
    assert indexing.index_in_use(elasticsearch) != first


def test_the_command_reports_its_result(elasticsearch: Elasticsearch):
    add("Alpha")
    out = StringIO()
    call_command(rebuild_search.Command(), stdout=out, stderr=StringIO())
    assert out.getvalue() == f"1 movies indexed; searches now use {indexing.index_in_use(elasticsearch)}.\n"


def test_an_index_of_another_form_is_not_searched_and_the_next_rebuild_removes_it(
    elasticsearch: Elasticsearch,
):
    movie = add("Heat")
    older = f"{INDICES}-20260101000000000000"
    elasticsearch.indices.create(index=older, aliases={INDICES: {}})
    assert found("heat") == [movie]
    assert indexing.catch_up().movies == 1
    assert list(elasticsearch.indices.get(index=f"{INDICES}-*")) == [indexing.index_in_use(elasticsearch)]
    assert found("heat") == [movie]


def test_without_an_index_searches_fall_back_to_postgresql(elasticsearch: Elasticsearch):
    movie = add("Heat")
    assert found("heat") == [movie]
    assert not elastic_search.breaker.open


@pytest.mark.timeout(300)  # Elasticsearch starts slowly on a busy machine
def test_while_elasticsearch_is_unavailable_searches_fall_back_to_postgresql(
    private_elasticsearch: ElasticsearchServer, settings: Settings
):
    settings.ELASTICSEARCH_URL = private_elasticsearch.url
    settings.SEARCH_FUNCTION = "movies.search.elastic.search.find"
    movie = add("Heat")
    indexing.rebuild()
    only_here = add("Warmth")  # not indexed yet, so only PostgreSQL finds it
    wait_until(lambda: (found("heat"), found("warmth")) == ([movie], []))
    private_elasticsearch.pause()
    start = time.monotonic()
    assert found("warmth") == [only_here]
    assert time.monotonic() - start < 10
    assert elastic_search.breaker.open  # later searches do not wait
    assert found("warmth") == [only_here]
    private_elasticsearch.resume()
    wait_until(lambda: found("warmth") == [])
    private_elasticsearch.kill()
    assert found("warmth") == [only_here]
    assert index_changes() == 0  # waits
    with pytest.raises(ELASTICSEARCH_UNAVAILABLE):
        indexing.rebuild()
    private_elasticsearch.start()
    wait_until(lambda: not elastic_search.breaker.open)
    wait_until(lambda: index_changes() == 1, seconds=60)  # after its pause
    wait_until(lambda: found("warmth") == [only_here])


def test_the_document_has_exactly_the_mapped_fields():
    prepared = {name for name, _, _ in MovieDocument()._prepared_fields}
    mapped = set(MovieDocument._index.to_dict()["mappings"]["properties"])
    assert prepared == mapped == {"id", "title", "terms", "genres", "hidden", "deleted", "views"}
