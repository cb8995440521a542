"""Invalid addresses and forms of the admin: they change nothing and cause no server error."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from movies.bulk import jobs
from movies.foundation.numbers import MAX_BIGINT
from movies.models import Job, Movie, MovieChange
from movies.search import selections
from movies.search.selections import Selection
from movies.staff_pages.staff_admin import selects_everything
from tests.admin.forms import says
from tests.movies.factories import movie

LIST = "/admin/movies/movie/"
# Accepted by int(), by str.isdigit() or by neither; \u0665 is an Arabic 5.
INVALID_IDS = [
    "+5",
    " 5",
    "5 ",
    "1_000",
    "5.0",
    "",
    "²",
    "\u0665",
    "-5",
    "0",
    "5\0",
    "9" * 30,
    "9" * 5000,
    "abc",
]


@pytest.fixture
def five(db: None) -> None:
    """Movies 1 to 5; 4 and 5 are hidden."""
    for number in range(1, 6):
        movie(f"Movie {number}", movie_id=number, hidden=number > 3)


def act(client: Client, action: str, *ids: str, query: str = "", **more: str) -> Any:
    form = {"action": action, "index": "0", "select_across": "0", "_selected_action": list(ids)}
    return client.post(LIST + query, form | more)


def state() -> list[tuple[int, bool, int]]:
    return list(Movie.objects.order_by("id").values_list("id", "hidden", "version"))


def position(value: Any, movie_id: Any, backward: Any = False) -> dict[str, Any]:
    """The fields of a cursor."""
    return {"v": value, "i": movie_id, "b": backward}


def cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(
        value if isinstance(value, bytes) else json.dumps(value).encode()
    ).decode()


@pytest.mark.parametrize("action", ["hide", "show", "delete"])
def test_an_invalid_id_changes_nothing_and_is_named(boss: Client, five: None, action: str):
    """An action without valid ids never applies to all movies."""
    before = state()
    for ids in [[text] for text in INVALID_IDS] + [["1", "+5"], ["²", "1"]]:
        for more in ({}, {"sure": "yes"}):
            response = act(boss, action, *ids, query="?state=hidden", **more)
            assert (response.status_code, response["Location"]) == (302, f"{LIST}?state=hidden"), ids
            *_, said = [str(message) for message in get_messages(response.wsgi_request)]
            assert said.startswith("Nothing was changed: “"), ids
            assert said.endswith("” is not an id. Tick the rows again."), ids
    assert state() == before
    assert Job.objects.count() == 0


def test_only_an_explicit_1_selects_everything(boss: Client, five: None):
    """Any other value of select_across selects the ticked rows."""
    for text in ["", "0", "2", "on", "yes", "True", " 1", "+1", "²", "01", "-1", "1\0"]:
        act(boss, "hide", "2", select_across=text)
        assert [hidden for _, hidden, _ in state()] == [False, True, False, True, True], text
        act(boss, "show", "2", select_across=text)
        assert [hidden for _, hidden, _ in state()] == [False, False, False, True, True], text
        assert "Delete 1 movie?" in act(boss, "delete", "1", select_across=text).content.decode()
    act(boss, "delete", "1", select_across="yes", sure="yes", asked="1")
    assert Movie.objects.count() == 4


def test_missing_ids_are_named_and_the_others_changed(editor: Client, five: None):
    """Numbers without a movie are skipped."""
    response = act(editor, "hide", "99", "2", "2", "9223372036854775807")
    assert response["Location"] == LIST
    said = says(editor.get(LIST))
    assert said[0] == "There is no movie with the id 99, 9223372036854775807."
    assert said[1].startswith("1 movie hidden.")
    assert (Job.objects.get().total, Job.objects.get().request) == (1, {"ids": [2]})
    act(editor, "hide", "99", "100")
    assert says(editor.get(LIST)) == ["Nothing was changed. There is no movie with the id 99, 100."]
    assert Job.objects.count() == 1


def test_the_confirmation_page_deletes_exactly_what_it_lists(boss: Client, five: None):
    """The page lists the ticked movie, and its form deletes only that one."""
    page = act(boss, "delete", "5", query="?state=hidden")
    shown = page.content.decode()
    assert "Delete 1 movie?" in shown
    assert '<input type="hidden" name="select_across" value="0">' in shown
    assert '<input type="hidden" name="_selected_action" value="5">' in shown
    act(boss, "delete", "5", query="?state=hidden", sure="yes", asked="1")
    assert list(Movie.objects.values_list("id", flat=True)) == [1, 2, 3, 4]


def test_everything_means_the_list_and_is_counted_exactly(boss: Client, five: None):
    """The size of a bulk job is not an estimate, because a table may lack statistics."""
    assert (
        "Delete 2 movies?"
        in act(boss, "delete", "5", query="?state=hidden", select_across="1").content.decode()
    )
    act(boss, "show", "5", query="?state=hidden", select_across="1")
    assert Job.objects.get().total == 2
    assert [hidden for _, hidden, _ in state()] == [False] * 5


def test_a_large_job_is_left_to_the_worker(editor: Client, five: None, monkeypatch: pytest.MonkeyPatch):
    """Only the exact size decides whether a web process does it."""
    monkeypatch.setattr(jobs, "MAX_INLINE_MOVIES", 2)
    monkeypatch.setattr(
        selections, "approximate_count", lambda selection: selections.ApproximateCount(1, "about")
    )
    job = jobs.start_bulk(kind="hide", actor="staff:x", which=Selection())
    assert (job.state, job.total) == ("applying", 5)
    assert jobs.start_export(actor="staff:x", form="csv", selection=Selection(hidden=False)).total == 3
    jobs.run_waiting()
    revert = jobs.start_revert(batch=job.pk, actor="staff:x")
    assert (revert.state, revert.total) == ("applying", MovieChange.objects.filter(batch=job.pk).count())


@pytest.mark.parametrize("which", [[], (), set()])
def test_an_empty_list_of_ids_is_an_error(five: None, which: Any):
    """It never means all movies."""
    with pytest.raises(ValueError, match="No movies were chosen"):
        jobs.start_bulk(kind="hide", actor="staff:x", which=which)
    assert Job.objects.count() == 0


@pytest.mark.parametrize("who", ["viewer", "editor"])
def test_an_invalid_order_is_ignored(request: pytest.FixtureRequest, five: None, who: str):
    """The parameter `o`."""
    client: Client = request.getfixturevalue(who)
    for text in ["²", "\u0665", "-", "--1", "1e3", "+1", " 1", "9" * 5000, "-²", "²-1", ""]:
        response = client.get(LIST, {"o": text})
        assert [found.pk for found in response.context["cl"].result_list] == [1, 2, 3, 4, 5], text


def test_an_invalid_position_in_a_history_is_ignored(viewer: Client, five: None):
    """The parameters `at`, `before` and `after`."""
    Movie.objects.filter(pk=5).update(hidden=False)
    batch = jobs.start_bulk(kind="hide", actor="staff:x", which=[1]).pk
    for text in [*INVALID_IDS, str(MAX_BIGINT)]:
        assert len(viewer.get("/admin/movies/moviechange/", {"at": text}).context["lines"]) == 7, text
        assert len(viewer.get(f"{LIST}5/history/", {"before": text}).context["records"]) == 2, text
        page = viewer.get(f"/admin/movies/moviechange/batch/{batch}/", {"after": text})
        assert len(page.context["records"]) == (0 if text == str(MAX_BIGINT) else 1), text


@pytest.mark.parametrize(
    "of", ["movies/movie", "tetraflix/apikey", "auth/user", "auth/group", "sessions_ingest/deadletteract"]
)
def test_an_invalid_id_in_an_address_is_not_found(boss: Client, five: None, of: str):
    """Ids of movies, keys, staff, roles and records in addresses."""
    for text in [text for text in INVALID_IDS if text] + ["600", str(MAX_BIGINT + 1)]:
        for page in ("change", "history", "delete"):
            response = boss.get(f"/admin/{of}/{quote(text, safe='')}/{page}/")
            expected = {404} if of == "movies/movie" else {403, 404}
            if (of, page, text) == ("movies/movie", "history", "600"):
                expected = {200}
            assert response.status_code in expected, (page, text)


BAD_CURSORS = [
    *[5, "x", None, True, {}, {"v": 1}, {"v": 1, "i": 1}, [], [1, 2, False]],
    *[position([1], 2), position("1", [2]), position(1, "2"), position(1, 2, 0), position(1, -1)],
    *[position(1, 2**63), position(None, 1), position(2**63, 1), position(-1, 1), position(1.0, 1)],
    *[position(True, 1), position("a\0", 1), position(1, 0)],
    *[b'{"v":NaN,"i":1,"b":false}', b'{"v":1,"i":1,"b":false', b"\xff", b"[" * 100_000, b"9" * 5000],
]


@pytest.mark.parametrize("order", ["", "0", "1", "3", "-3"])
def test_an_invalid_cursor_redirects_to_the_list(viewer: Client, five: None, order: str):
    """A cursor has a value of the order, an id and a direction."""
    for at in ["NQ==", "x", "²", "=", "\0", "WyJhXHUwMDAwIiwgMSwgZmFsc2Vd", *map(cursor, BAD_CURSORS)]:
        for more in ({}, {"e": "1"}):
            response = viewer.get(LIST, {"at": at, "o": order} | more)
            assert (response.status_code, response.get("Location")) == (302, f"{LIST}?e=1"), at[:100]


@pytest.mark.parametrize("title", ["a\0", "\ud800", "\udfff\ud800", 5, None])
@pytest.mark.parametrize("who", ["viewer", "editor"])
def test_a_cursor_holds_only_values_of_titles(
    request: pytest.FixtureRequest, five: None, who: str, title: Any
):
    """No title has a NUL, or half of a surrogate pair. The list is sorted by title."""
    client: Client = request.getfixturevalue(who)
    response = client.get(LIST, {"o": "2", "at": cursor(position(title, 1))})
    assert (response.status_code, response["Location"]) == (302, f"{LIST}?e=1")


@given(st.text() | st.integers() | st.none() | st.lists(st.integers()))
def test_one_value_alone_selects_everything(text: Any):
    """The value 1 of select_across."""

    class Request:
        POST = {"select_across": text}

    assert selects_everything(Request()) == (text == "1")  # type: ignore[arg-type]
