"""What a process holds of the inventory is right at the next request, whoever changed it, and however."""

import json

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from movies.catalog import movie_cache as catalog_module
from movies.catalog.movie_cache import Catalog, entry, listed
from movies.models import Inventory, Movie, MovieChange
from movies.profiles import to_wire
from tests.movies.factories import movie, other_connection

pytestmark = pytest.mark.django_db


def version() -> int:
    return Inventory.objects.get().version


def expected(stored: Movie) -> bytes:
    return entry(stored.id, stored.title, stored.profile)


@pytest.fixture
def process() -> Catalog:
    """Another process's catalog, loaded before the test changes anything."""
    held = Catalog()
    held.load()
    return held


def find(process: Catalog, *movie_ids: int) -> tuple[list[bytes | None], int]:
    """What a request finds, and how many statements that took."""
    now = version()
    with CaptureQueriesContext(connection) as captured:
        found = process.find(now, movie_ids)
    return found, len(captured)


def test_an_entry_is_the_movie_as_clients_see_it():
    made = entry(8675309, 'A "quoted" \\ naïve title', (40, 60, *[0] * 13))
    assert json.loads(made + b"0.5}") == {
        "id": 8675309,
        "title": 'A "quoted" \\ naïve title',
        "profile": to_wire((40, 60, *[0] * 13)),
        "progress": 0.5,
    }
    assert json.loads(listed([made, made])) == [json.loads(made + b"0}")] * 2
    assert listed([]) == b"[]"


def test_what_was_loaded_takes_no_statement():
    one, hidden = movie("One"), movie("Two", hidden=True)
    process = Catalog()
    process.load()
    assert find(process, one.id) == ([expected(one)], 0)
    assert find(process, hidden.id, 999_999) == ([None, None], 1)
    assert find(process, hidden.id, 999_999) == ([None, None], 0), "what is not there is remembered"


def test_each_kind_of_change_shows_at_the_next_request_in_one_statement(process: Catalog):
    added = movie("New")
    assert find(process, added.id) == ([expected(added)], 1)
    Movie.objects.filter(id=added.id).update(title="Edited")
    assert find(process, added.id) == ([expected(Movie.objects.get(id=added.id))], 1)
    Movie.objects.filter(id=added.id).update(hidden=True)
    assert find(process, added.id) == ([None], 1)
    Movie.objects.filter(id=added.id).update(hidden=False)
    assert find(process, added.id)[0] != [None]
    Movie.objects.filter(id=added.id).delete()
    assert find(process, added.id) == ([None], 1)
    again = movie("Again", movie_id=added.id)
    assert find(process, again.id) == ([expected(again)], 1)
    assert find(process, again.id) == ([expected(again)], 0)


def test_a_change_is_caught_up_with_though_others_asked_for_something_else(process: Catalog):
    one, two = movie("One"), movie("Two")
    find(process, one.id, two.id)
    Movie.objects.filter(id=one.id).update(title="Edited")
    find(process, two.id)
    assert find(process, one.id) == ([expected(Movie.objects.get(id=one.id))], 0)


def test_after_a_bulk_load_the_catalog_starts_afresh_in_one_statement(process: Catalog):
    one = movie("One")
    find(process, one.id)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'on'")
        Movie.objects.filter(id=one.id).update(title="Loaded")
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'off'")
    assert find(process, one.id) == ([expected(Movie.objects.get(id=one.id))], 1)
    assert len(process) == 1


def test_more_changes_than_are_caught_up_with_start_afresh(process: Catalog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catalog_module, "MOST_CHANGES", 3)
    many = [movie(f"Movie {number}") for number in range(5)]
    assert find(process, many[0].id) == ([expected(many[0])], 1)
    assert find(process, many[1].id) == ([expected(many[1])], 1)


def test_a_log_that_was_trimmed_since_is_not_relied_on(process: Catalog):
    one, two = movie("One"), movie("Two")
    find(process, one.id, two.id)
    Movie.objects.filter(id=one.id).update(title="Edited")
    MovieChange.objects.all().delete()
    Movie.objects.filter(id=two.id).update(title="Edited too")
    process._at -= catalog_module.DAY_SECONDS + 1
    assert find(process, two.id) == ([expected(Movie.objects.get(id=two.id))], 1)
    assert find(process, one.id) == ([expected(Movie.objects.get(id=one.id))], 1)


def test_a_database_set_back_in_time_is_not_mistaken_for_an_old_answer(process: Catalog):
    one = movie("One")
    find(process, one.id)
    Inventory.objects.update(version=1)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE movies_movie DISABLE TRIGGER USER")
        Movie.objects.filter(id=one.id).update(title="As it was")
        cursor.execute("ALTER TABLE movies_movie ENABLE TRIGGER USER")
    assert find(process, one.id) == ([expected(Movie.objects.get(id=one.id))], 1)


def test_an_older_answer_than_what_is_held_gets_what_is_held(process: Catalog):
    """Two threads: one read its row before the other caught up."""
    before = version()
    one = movie("One")
    find(process, one.id)
    assert process.find(before, [one.id]) == [expected(one)]


@pytest.mark.django_db(transaction=True)
def test_a_change_shows_when_it_is_committed_and_not_before(process: Catalog):
    one = movie("One")
    find(process, one.id)
    with other_connection() as other:
        other.cursor().execute("UPDATE movies_movie SET title = 'Edited' WHERE id = %s", [one.id])
        assert find(process, one.id) == ([expected(one)], 0)
        other.commit()
    assert find(process, one.id) == ([entry(one.id, "Edited", one.profile)], 1)
