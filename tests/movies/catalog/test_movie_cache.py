"""The movie cache is current at the next request, whichever process changed the inventory, and however."""

import json

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from movies.catalog import movie_cache
from movies.catalog.movie_cache import MovieCache, render_entry, render_list
from movies.models import Inventory, Movie, MovieChange
from movies.profiles import to_wire
from tests.movies.factories import movie, other_connection

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_refill(monkeypatch: pytest.MonkeyPatch):
    """Without the thread that fills an emptied cache again, because it cannot see what a test has not committed."""
    monkeypatch.setattr(MovieCache, "_start_refill", lambda self: None)


def version() -> int:
    return Inventory.objects.get().version


def expected(stored: Movie) -> bytes:
    return render_entry(stored.id, stored.title, stored.profile)


@pytest.fixture
def cache() -> MovieCache:
    """The cache of another process, loaded before the test changes anything."""
    cache = MovieCache()
    cache.load()
    return cache


def find(cache: MovieCache, *movie_ids: int) -> tuple[list[bytes | None], int]:
    """What a request finds, and in how many statements."""
    now = version()
    with CaptureQueriesContext(connection) as captured:
        found = cache.find(now, movie_ids)
    return found, len(captured)


def test_an_entry_is_the_movie_as_clients_see_it():
    made = render_entry(8675309, 'A "quoted" \\ naïve title', (40, 60, *[0] * 13))
    assert json.loads(made + b"0.5}") == {
        "id": 8675309,
        "title": 'A "quoted" \\ naïve title',
        "profile": to_wire((40, 60, *[0] * 13)),
        "progress": 0.5,
    }
    assert json.loads(render_list([made, made])) == [json.loads(made + b"0}")] * 2
    assert render_list([]) == b"[]"


def test_loaded_movies_take_no_statement():
    one, hidden = movie("One"), movie("Two", hidden=True)
    cache = MovieCache()
    cache.load()
    assert find(cache, one.id) == ([expected(one)], 0)
    assert find(cache, hidden.id, 999_999) == ([None, None], 1)
    assert find(cache, hidden.id, 999_999) == ([None, None], 0), "missing movies are cached, too"


def test_each_kind_of_change_shows_at_the_next_request_in_one_statement(cache: MovieCache):
    added = movie("New")
    assert find(cache, added.id) == ([expected(added)], 1)
    Movie.objects.filter(id=added.id).update(title="Edited")
    assert find(cache, added.id) == ([expected(Movie.objects.get(id=added.id))], 1)
    Movie.objects.filter(id=added.id).update(hidden=True)
    assert find(cache, added.id) == ([None], 1)
    Movie.objects.filter(id=added.id).update(hidden=False)
    assert find(cache, added.id)[0] != [None]
    Movie.objects.filter(id=added.id).delete()
    assert find(cache, added.id) == ([None], 1)
    again = movie("Again", movie_id=added.id)
    assert find(cache, again.id) == ([expected(again)], 1)
    assert find(cache, again.id) == ([expected(again)], 0)


def test_a_change_is_cached_though_another_movie_was_asked_for(cache: MovieCache):
    one, two = movie("One"), movie("Two")
    find(cache, one.id, two.id)
    Movie.objects.filter(id=one.id).update(title="Edited")
    find(cache, two.id)
    assert find(cache, one.id) == ([expected(Movie.objects.get(id=one.id))], 0)


def test_a_bulk_load_empties_the_cache_and_takes_one_statement(cache: MovieCache):
    one = movie("One")
    find(cache, one.id)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'on'")
        Movie.objects.filter(id=one.id).update(title="Loaded")
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'off'")
    assert find(cache, one.id) == ([expected(Movie.objects.get(id=one.id))], 1)
    assert len(cache) == 1


def test_too_many_changes_empty_the_cache(cache: MovieCache, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(movie_cache, "MAX_CHANGES_TO_CATCH_UP", 3)
    many = [movie(f"Movie {number}") for number in range(5)]
    assert find(cache, many[0].id) == ([expected(many[0])], 1)
    assert find(cache, many[1].id) == ([expected(many[1])], 1)


def test_a_trimmed_change_log_empties_the_cache():
    now = 0.0
    cache = MovieCache(clock=lambda: now)
    cache.load()
    one, two = movie("One"), movie("Two")
    find(cache, one.id, two.id)
    Movie.objects.filter(id=one.id).update(title="Edited")
    MovieChange.objects.all().delete()
    Movie.objects.filter(id=two.id).update(title="Edited too")
    now += movie_cache.DAY_SECONDS + 1
    assert find(cache, two.id) == ([expected(Movie.objects.get(id=two.id))], 1)
    assert find(cache, one.id) == ([expected(Movie.objects.get(id=one.id))], 1)


def test_a_database_restored_from_a_backup_empties_the_cache(cache: MovieCache):
    one = movie("One")
    find(cache, one.id)
    Inventory.objects.update(version=F("version") - 1)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE movies_movie DISABLE TRIGGER USER")
        Movie.objects.filter(id=one.id).update(title="As it was")
        cursor.execute("ALTER TABLE movies_movie ENABLE TRIGGER USER")
    assert find(cache, one.id) == ([expected(Movie.objects.get(id=one.id))], 1)


def test_an_older_version_gets_the_cached_newer_movies(cache: MovieCache):
    """Two threads: one read its row before the other caught up."""
    before = version()
    one = movie("One")
    find(cache, one.id)
    assert cache.find(before, [one.id]) == [expected(one)]


@pytest.mark.django_db(transaction=True)
def test_a_change_shows_once_it_is_committed(cache: MovieCache):
    one = movie("One")
    find(cache, one.id)
    with other_connection() as other:
        other.cursor().execute("UPDATE movies_movie SET title = 'Edited' WHERE id = %s", [one.id])
        assert find(cache, one.id) == ([expected(one)], 0)
        other.commit()
    assert find(cache, one.id) == ([render_entry(one.id, "Edited", one.profile)], 1)
