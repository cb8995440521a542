"""The history of a movie has every change: who, when, old and new values."""

import uuid

from django.db import connection
from django.test import Client

from movies.bulk import jobs
from movies.bulk.file_format import heading, lines_of
from movies.inventory import history, services
from movies.models import Movie
from tests.admin.forms import movie_form
from tests.api.calling import Caller
from tests.movies.factories import movie, profile

FILE = heading("csv") + lines_of([(1, "Kahaani 4", False, profile(drama=100))], "csv")


def seen(movie_id: int) -> list[tuple]:
    return [
        (
            record.change.version,
            record.change.actor,
            record.what,
            [(part.label, part.old, part.new) for part in record.differences],
        )
        for record in history.of_movie(movie_id)
    ]


def test_every_way_to_change_a_movie_is_in_its_history(editor: Client):
    kahaani = movie("Kahaani", movie_id=1, action=100)
    editor.post(
        "/admin/movies/movie/1/change/",
        movie_form(kahaani, title="Kahaani 2", **{"profile-action": 90, "profile-horror": 10}),
    )
    Caller("distributor")("PATCH", "/tetraflix/movies/1", {"title": "Kahaani 3"})
    job = jobs.start_import(actor="staff:edith", file_name="m.csv", chunks=[FILE])
    jobs.confirm(job_id=job.pk, actor="staff:edith")
    services.hide_movies(actor="staff:edith", movie_ids=[1])
    with connection.cursor() as cursor:  # bypasses every service
        cursor.execute("UPDATE movies_movie SET hidden = false")
    Movie.objects.all().delete()
    assert seen(1) == [
        (7, "", "deleted", []),
        (6, "", "shown again", []),
        (5, "staff:edith", "hidden", []),
        (
            4,
            "staff:edith",
            "changed",
            [("Title", "Kahaani 3", "Kahaani 4"), ("Action", 90, 0), ("Drama", 0, 100), ("Horror", 10, 0)],
        ),
        (3, "key:the distributor", "changed", [("Title", "Kahaani 2", "Kahaani 3")]),
        (
            2,
            "staff:edith",
            "changed",
            [("Title", "Kahaani", "Kahaani 2"), ("Action", 100, 90), ("Horror", 0, 10)],
        ),
        (1, "", "added", []),
    ]
    page = editor.get("/admin/movies/movie/1/history/").content.decode()
    assert "does not exist or was deleted" in page
    assert "<li>Horror: <del>0</del> → <ins>10</ins></li>" in page


def test_a_long_history_has_pages(viewer: Client):
    movie("Kahaani", movie_id=1)
    for number in range(history.PAGE_SIZE):
        Movie.objects.update(title=f"Kahaani {number}")
    page = viewer.get("/admin/movies/movie/1/history/")
    assert [record.change.version for record in page.context["records"]] == list(range(51, 1, -1))
    older = viewer.get("/admin/movies/movie/1/history/" + page.context["older"])
    assert [record.change.version for record in older.context["records"]] == [1]
    assert older.context["older"] is None


def test_the_history_of_all_movies_is_newest_first(viewer: Client):
    movie("First", movie_id=1)
    movie("Second", movie_id=2)
    records = viewer.get("/admin/movies/moviechange/").context["records"]
    assert [(record.change.movie_id, record.title) for record in records] == [(2, "Second"), (1, "First")]


def test_views_are_not_in_the_history(db: None):
    movie("Kahaani", movie_id=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE movies_viewcount SET views = 7")
    assert len(history.of_movie(1)) == 1


def test_differences_name_only_what_differs():
    old = {"title": "A", "hidden": False, "profile": profile(action=100)}
    assert history.differences(old, old) == []
    new = old | {"profile": profile(action=99, western=1)}
    assert [(part.field, part.old, part.new) for part in history.differences(old, new)] == [
        ("action", 100, 99),
        ("western", 0, 1),
    ]


def test_an_unknown_batch_is_none(db: None):
    assert history.batch_of(uuid.uuid4()) is None


def test_a_batch_of_any_size_is_known_to_add_movies(db, monkeypatch):
    """The addition may come after more changes than are counted; reverting it deletes, which an editor may not."""
    monkeypatch.setattr(history, "MAX_COUNTED", 1)
    batch = uuid.uuid4()
    many = [movie(f"Movie {number}").id for number in range(5)]
    services.hide_movies(actor="staff:a", movie_ids=many, batch=batch)
    found = history.batch_of(batch)
    assert found is not None
    assert (found.changes, found.adds) == (2, False)
    new = services.NewMovie(title="New", profile=profile(drama=100))
    services.add_movies(actor="staff:a", movies=[new], batch=batch)
    found = history.batch_of(batch)
    assert found is not None
    assert (found.changes, found.adds) == (2, True)
