"""The history of a movie has every change: who, when, old and new values."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from movies.bulk import jobs
from movies.bulk.file_format import heading, lines_of
from movies.inventory import history, history_entries, services
from movies.models import Movie
from movies.search.selections import Selection
from tests.admin.forms import movie_form, says
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
    assert "does not exist any more" in page
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


HISTORY = "/admin/movies/moviechange/"


@pytest.fixture
def a_day(db: None) -> None:
    """Five movies are added one by one; edith hides four, a key changes one, and edith's act is half reverted."""
    for number in range(1, 6):
        movie(f"Movie {number}", movie_id=number, drama=100)
    hide = jobs.start_bulk(kind="hide", actor="staff:edith", which=Selection(genre="drama"))
    services.change_movie(actor="key:studio", movie_id=2, title="Else")
    jobs.start_revert(batch=hide.pk, actor="staff:anna")


def lines(client: Client, query: str = "") -> list[tuple[str, str]]:
    """Who and what, of each line."""
    return [(line.entry.actor, line.says) for line in client.get(HISTORY + query).context["lines"]]


HID = ("staff:edith", "hid 5 movies with Drama")
REVERTED = ("staff:anna", "reverted 4 movies: “staff:edith hid 5 movies with Drama”")
CHANGED = ("key:studio", "changed 1 movie")
ADDED = ("", "added 1 movie")


@pytest.mark.parametrize(
    ("query", "expected"),
    {
        "": [REVERTED, CHANGED, HID, *[ADDED] * 5],
        "?actor=staff:edith": [HID],
        "?actor=nobody": [],
        "?kind=hidden": [HID],
        "?kind=added&actor=staff:edith": [],
        "?movie=2": [CHANGED, HID, ADDED],
        "?movie=3&kind=reverted": [REVERTED],
        "?movie=99": [],
        "?since=2999-12-31": [],
        "?until=2000-01-01": [],
        "?since=2000-01-01&kind=changed": [CHANGED],
        "?kind=x&since=yesterday&movie=%00&at=x": [REVERTED, CHANGED, HID, *[ADDED] * 5],
    }.items(),
)
def test_the_history_has_a_batch_in_one_line_and_filters(
    viewer: Client, a_day: None, query: str, expected: list
):
    assert lines(viewer, query) == expected


def test_the_history_is_read_in_pages_both_ways(viewer: Client, a_day: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history_entries, "PAGE_SIZE", 3)
    first = viewer.get(HISTORY)
    second = viewer.get(HISTORY + first.context["older"])
    third = viewer.get(HISTORY + second.context["older"])
    pages = [[line.entry.pk for line in page.context["lines"]] for page in (first, second, third)]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert pages[0] > pages[1] > pages[2]
    assert (first.context["newer"], third.context["older"]) == (None, None)
    back = viewer.get(HISTORY + third.context["newer"])
    assert [line.entry.pk for line in back.context["lines"]] == pages[1]
    start = viewer.get(HISTORY + back.context["newer"])
    assert [line.entry.pk for line in start.context["lines"]] == pages[0]
    assert start.context["newer"] is None


def test_the_history_says_what_was_reverted_by_whom_and_offers_it_no_more(boss: Client, a_day: None):
    revert, change, hide, *_ = boss.get(HISTORY).context["lines"]
    assert (hide.reverted.actor, hide.may_revert) == ("staff:anna", False)
    assert (revert.may_revert, change.may_revert) == (True, True)
    page = boss.get(f"{HISTORY}batch/{hide.entry.batch}/").content.decode()
    assert "Reverted by staff:anna" in page
    assert "Revert this batch" not in page
    again = boss.post(f"{HISTORY}batch/{hide.entry.batch}/", follow=True)
    assert says(again) == ["staff:anna reverted this batch already."]
    records = boss.get("/admin/movies/movie/1/history/").context["records"]
    assert [(record.what, record.reverted and record.reverted.actor) for record in records] == [
        ("shown again", None),
        ("hidden", "staff:anna"),
        ("added", None),
    ]
    skipped = boss.get("/admin/movies/movie/2/history/").context["records"]
    assert [record.reverted for record in skipped] == [None, None, None]


def test_a_single_change_is_reverted_from_its_line_and_undone_from_the_message(editor: Client, a_day: None):
    back = f"{HISTORY}?kind=changed"
    button = {"first": "3", "last": "3", "next": back}
    assert 'name="last" value="3"' in editor.get(back).content.decode()
    done = editor.post(f"{HISTORY}movie/2/revert/", button, follow=True)
    assert done.redirect_chain == [(back, 302)]
    (message,) = says(done)
    assert message.startswith("Movie 2: version 3 is reverted. <form")
    assert (
        '<input type="hidden" name="first" value="4"><input type="hidden" name="last" value="4">' in message
    )
    assert Movie.objects.get(pk=2).title == "Movie 2"
    (change,) = done.context["lines"]
    assert (change.record.reverted.actor, change.may_revert) == ("staff:edith", False)
    refused = editor.post(f"{HISTORY}movie/2/revert/", button, follow=True)
    assert says(refused)[0].startswith("Movie 2 is at version 4 now: staff:edith changed it at ")
    evil = {"first": "4", "last": "4", "next": "https://evil.example/admin/"}
    assert editor.post(f"{HISTORY}movie/2/revert/", evil)["Location"] == "/admin/movies/movie/2/history/"
    assert Movie.objects.get(pk=2).title == "Else"


def test_reverting_an_addition_deletes_and_so_asks_and_needs_the_permission(
    editor: Client, boss: Client, db: None
):
    movie("Kahaani", movie_id=1)
    address, button = f"{HISTORY}movie/1/revert/", {"first": "1", "last": "1"}
    assert editor.post(address, button).status_code == 403
    assert "Delete movie 1?" in boss.post(address, button).content.decode()
    assert Movie.objects.exists()
    assert says(boss.post(address, button | {"sure": "yes"}, follow=True)) == [
        "Movie 1: version 1 is reverted. "
    ]
    assert not Movie.objects.exists()


def test_a_viewer_reverts_nothing(viewer: Client, a_day: None):
    assert viewer.post(f"{HISTORY}movie/2/revert/", {"first": "3", "last": "3"}).status_code == 403
    assert "Revert</button>" not in viewer.get(HISTORY).content.decode()


def test_the_history_of_a_seeded_movie_names_the_seed(boss: Client, db: None):
    call_command("seed_movies", movies=1, seed=1)
    seeded = Movie.objects.get().pk
    address = f"/admin/movies/movie/{seeded}/history/"
    assert "Nobody has changed it since." in boss.get(address).content.decode()
    services.hide_movies(actor="staff:x", movie_ids=[seeded])
    services.delete_movie(actor="staff:x", movie_id=seeded)
    page = boss.get(address)
    assert page.context["seeded"].at is None
    assert "does not exist any more" in page.content.decode()
    boss.post(f"{HISTORY}movie/{seeded}/revert/", {"first": "2", "last": "3"})
    restored = Movie.objects.get()
    assert (restored.pk, restored.hidden, restored.version) == (seeded, False, 4)


def test_a_page_of_the_history_takes_few_statements(viewer: Client, a_day: None):
    with CaptureQueriesContext(connection) as sent:
        viewer.get(f"{HISTORY}?movie=2")
    assert len(sent) <= 10, [query["sql"] for query in sent]
