"""The trigger writes one line of the history for each batch and each single change; lists of them read an index."""

import uuid
from datetime import UTC, date, datetime

import pytest
from django.db import connection

from movies.inventory import history_entries, services
from movies.inventory.history_entries import PAGE_SIZE, Act, Filters, sentence
from movies.inventory.reverting import revert_batch, revert_movie
from movies.inventory.validation import NewMovie
from movies.models import HistoryEntry, Movie
from tests.movies.factories import movie, profile
from tests.movies.query_plans import plans_of_reads

ENTRIES = 100_000


def lines() -> list[tuple[object, ...]]:
    """The lines, oldest first."""
    found = HistoryEntry.objects.order_by("id")
    return [(entry.actor, sentence(entry), entry.movies, entry.added, entry.movie_id) for entry in found]


def test_every_single_change_is_a_line(db):
    kahaani = movie("Kahaani")
    services.change_movie(actor="x", movie_id=kahaani.id, title="Kahaani 2")
    services.change_movie(actor="x", movie_id=kahaani.id, title="Kahaani 2")
    with connection.cursor() as cursor:  # bypasses every service
        cursor.execute("UPDATE movies_movie SET hidden = true")
        cursor.execute("UPDATE movies_movie SET hidden = false")
        cursor.execute("DELETE FROM movies_movie")
    assert lines() == [
        ("", "added 1 movie", 1, 1, kahaani.id),
        ("x", "changed 1 movie", 1, 0, kahaani.id),
        ("", "hid 1 movie", 1, 0, kahaani.id),
        ("", "showed 1 movie", 1, 0, kahaani.id),
        ("", "deleted 1 movie", 1, 0, kahaani.id),
    ]


def test_a_statement_without_a_batch_is_a_line_for_each_movie(db):
    first, second = movie("First"), movie("Second")
    Movie.objects.update(hidden=True)
    assert lines()[2:] == [("", "hid 1 movie", 1, 0, first.id), ("", "hid 1 movie", 1, 0, second.id)]


def test_a_batch_of_several_statements_is_one_line(db):
    first, second = movie("First"), movie("Second")
    batch = uuid.uuid4()
    with services.change(actor="x", batch=batch):
        services.hide_movies(actor="x", movie_ids=[first.id])
        services.hide_movies(actor="x", movie_ids=[second.id])
    assert lines()[2:] == [("x", "hid 2 movies", 2, 0, None)]
    with services.change(actor="y", batch=uuid.uuid4(), act=Act("imported", "m.csv")):
        services.show_movies(actor="y", movie_ids=[first.id])
        services.add_movies(actor="y", movies=[NewMovie(title="Third", profile=profile(drama=100))])
    assert lines()[3:] == [("y", "imported 2 movies, 1 of them new, from m.csv", 2, 1, None)]
    with services.change(actor="z", batch=uuid.uuid4()):
        services.hide_movies(actor="z", movie_ids=[first.id])
        services.delete_movies(actor="z", movie_ids=[second.id])
    assert lines()[4:] == [("z", "changed 2 movies", 2, 0, None)]


def test_a_revert_says_what_it_reverted(db):
    first, second = movie("First"), movie("Second")
    batch = uuid.uuid4()
    services.hide_movies(actor="staff:x", movie_ids=[first.id, second.id], batch=batch)
    reverted = revert_batch(batch=batch, actor="anna")
    by = history_entries.reverting(batch)
    assert by is not None
    assert (by.batch, by.actor, sentence(by)) == (
        reverted.batch, "anna", "reverted 2 movies: “staff:x hid 2 movies”",
    )  # fmt: skip
    assert history_entries.reverting(reverted.batch) is None
    revert_movie(actor="bert", movie_id=first.id, first=3, last=3)
    revert_movie(actor="bert", movie_id=second.id, first=2, last=3)
    assert lines()[4:] == [("bert", "reverted version 3", 1, 0, first.id)]


@pytest.fixture
def many(db: None) -> None:
    """Lines of a year by three actors, one of them rare."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO movies_historyentry (id, at, actor, kind, movies, added, movie_id, about)
            SELECT id, timestamptz '2025-01-01' + id * interval '5 minutes',
                   CASE WHEN id %% 10000 = 0 THEN 'rare' WHEN id %% 2 = 0 THEN 'a' ELSE 'b' END,
                   CASE WHEN id %% 9999 = 0 THEN 'deleted' ELSE 'changed' END, 1, 0, id, ''
            FROM generate_series(1, %s) AS id
            """,
            [ENTRIES],
        )
        cursor.execute("ANALYZE movies_historyentry")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), PAGE_SIZE + 1),
        (Filters(actor="rare"), 10),
        (Filters(kind="deleted"), 10),
        (Filters(actor="b", kind="deleted"), 5),
        (Filters(since=date(2025, 2, 1), until=date(2025, 2, 1)), PAGE_SIZE + 1),
    ],
)
def test_a_page_of_a_long_history_reads_an_index(many: None, filters: Filters, expected: int):
    with plans_of_reads() as plans:
        found = history_entries.latest(filters)
        history_entries.latest(filters, start=(datetime(2025, 6, 1, tzinfo=UTC), 1), backward=True)
    assert len(found) == expected
    assert plans
    assert [plan for plan in plans if "Seq Scan on movies_historyentry" in plan or "Sort" in plan] == []


def test_actors_and_the_lines_of_a_movie_are_found_by_indexes(many: None):
    assert history_entries.actors() == ["a", "b", "rare"]
    for statement, values in (
        (history_entries.ACTORS, [100]),
        (history_entries.OF_MOVIE, [7, history_entries.MAX_OF_MOVIE]),
    ):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement}", values)
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "on movies_historyentry" in plan
        assert "Seq Scan on movies_historyentry" not in plan
