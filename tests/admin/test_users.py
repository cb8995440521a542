"""The page of a user: both lists as served, and the reason for each absence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from movies.foundation.numbers import MAX_BIGINT
from movies.models import Movie
from movies.viewing.popularity import refresh
from recommendations import stores
from recommendations.user_lists import Entry, Finish, UserLists
from tests.admin.forms import says
from tests.api.calling import Caller
from tests.movies.factories import movie

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
FROM_BUS = "The list came from the Recommendations service."
USER = "/admin/recommendations/userlists/7/"


@pytest.fixture(params=["postgres", "mongo"])
def store(request: pytest.FixtureRequest, settings: Settings) -> None:
    """Each store of user lists."""
    if request.param == "mongo":
        settings.MONGODB_URL = request.getfixturevalue("mongodb_url")


@pytest.fixture
def user(db: None) -> None:
    for movie_id in range(1, 7):
        movie(f"Movie {movie_id}", movie_id=movie_id, hidden=movie_id == 3)
    stores.current().write(
        [
            (
                7,
                UserLists(
                    recommended=(2, 3, 4, 99, 1),
                    recommended_at=NOON,
                    watching=(Entry(4, 0.25, NOON),),
                    removed=(Entry(5, 0.5, NOON),),
                    finished=(Finish(6, NOON, reported_at=NOON),),
                ),
            )
        ]
    )


def shown(context: Any, name: str) -> list[tuple]:
    return [(item["movie_id"], item["why"], item["progress"]) for item in context[name]]


def test_both_lists_are_as_the_api_serves_them_and_each_absence_has_its_reason(viewer: Client, user: None):
    context = viewer.get(USER).context
    served = Caller()("GET", "/tetraflix/recommendations/7").json()
    assert [row[0] for row in shown(context, "recommendations")] == [
        m["id"] for m in served["recommendations"]
    ]
    assert shown(context, "recommendations") == [(2, "", 0), (1, "", 0)]
    assert shown(context, "watching") == [(4, "", 0.25)]
    assert shown(context, "stored") == [
        (2, "", None),
        (3, "is hidden", None),
        (4, "is being watched", None),
        (99, "does not exist", None),
        (1, "", None),
    ]
    assert shown(context, "taken_off") == [(5, "was removed by staff", 0.5)]
    assert shown(context, "finished") == [(6, "was finished", None)]
    assert (context["recommended_at"], context["watched_at"]) == (NOON, NOON)


@pytest.mark.parametrize(
    ("movie_id", "reasons"),
    [
        (2, [f"Is number 1 of the list of 2026-11-24 12:00 UTC. {FROM_BUS}"]),
        (
            3,
            [
                "The movie is hidden: no user is shown it.",
                f"Is number 2 of the list of 2026-11-24 12:00 UTC. {FROM_BUS}",
            ],
        ),
        (
            1000,
            [
                "The movie does not exist: it is dropped from every list.",
                f"Is not in the list of 2026-11-24 12:00 UTC. {FROM_BUS}",
            ],
        ),
    ],
)
def test_one_movie_is_explained(viewer: Client, user: None, movie_id: int, reasons: list[str]):
    assert viewer.get(f"{USER}?movie={movie_id}").context["reasons"] == reasons


def test_a_finished_movie_is_explained_from_the_views(viewer: Client, user: None):
    event = {"movie": {"id": 1}, "progress": 1, "timestamp": "2026-11-24T13:00:00Z"}
    Caller("service")("POST", "/tetraflix/sessionData", {"userId": 7, "events": [event]})
    reasons = viewer.get(f"{USER}?movie=1").context["reasons"]
    assert reasons[0] == "Was finished 2026-11-24 13:00 UTC, so it was removed from recommendations."


def test_what_was_finished_lately_is_in_the_order_of_watching(viewer: Client, user: None):
    finishes = [
        Finish(1, NOON - timedelta(days=1), reported_at=NOON),
        Finish(2, NOON, reported_at=NOON - timedelta(hours=1)),
    ]
    stores.current().write([(7, UserLists(finished=tuple(finishes)))])
    assert [item["movie_id"] for item in viewer.get(USER).context["finished"]] == [2, 1]


def test_an_old_finish_reported_after_the_list_is_explained(viewer: Client, user: None):
    event = {"movie": {"id": 1}, "progress": 1, "timestamp": "2017-09-08T13:00:00Z"}
    with time_machine.travel(NOON + timedelta(minutes=1), tick=False):
        Caller("service")("POST", "/tetraflix/sessionData", {"userId": 7, "events": [event]})
    assert viewer.get(f"{USER}?movie=1").context["reasons"] == [
        "Was finished 2017-09-08 13:00 UTC, so it was removed from recommendations.",
        f"Is not in the list of 2026-11-24 12:00 UTC. {FROM_BUS}",
    ]


def test_an_editor_takes_a_movie_off_and_brings_it_back(editor: Client, user: None):
    response = editor.post(f"{USER}4/take-off/", follow=True)
    assert says(response) == ["“Movie 4” was removed from currently watching."]
    assert shown(response.context, "watching") == []
    assert shown(response.context, "recommendations") == [(2, "", 0), (4, "", 0), (1, "", 0)]
    response = editor.post(f"{USER}4/bring-back/", follow=True)
    assert shown(response.context, "watching") == [(4, "", 0.25)]


def test_an_editor_dismisses_movies_of_both_lists_and_undoes_that(store: None, editor: Client, user: None):
    response = editor.post(f"{USER}2/dismiss/", follow=True)
    assert says(response) == ["“Movie 2” was dismissed: the user is not shown it until that is undone."]
    response = editor.post(f"{USER}4/dismiss/", follow=True)
    context = response.context
    assert shown(context, "recommendations") == [(1, "", 0)]
    assert shown(context, "watching") == []
    assert shown(context, "dismissed") == [(4, "was dismissed", None), (2, "was dismissed", None)]
    assert shown(context, "stored")[:3] == [
        (2, "was dismissed", None),
        (3, "is hidden", None),
        (4, "was dismissed", None),
    ]
    assert shown(context, "stored_watching") == [(4, "was dismissed", 0.25)]
    reasons = editor.get(f"{USER}?movie=2").context["reasons"]
    assert reasons[0] == ("Was dismissed: the user is shown it in no list until that is undone.")
    response = editor.post(f"{USER}2/undo-dismissal/", follow=True)
    assert says(response) == ["“Movie 2” is not dismissed any more."]
    assert shown(response.context, "recommendations") == [(2, "", 0), (1, "", 0)]
    editor.post(f"{USER}4/undo-dismissal/")
    assert shown(editor.get(USER).context, "watching") == [(4, "", 0.25)]


def test_a_dismissal_that_is_refused_says_why(editor: Client, user: None):
    response = editor.post(f"{USER}1000/dismiss/", follow=True)
    assert says(response) == ["There is no movie 1000."]


@pytest.mark.parametrize(
    ("made_by", "sentence"),
    [
        ("bus", FROM_BUS),
        ("generated", "The list was generated, by seed_users."),
        ("mixture", "The list is our own, by the strategy mixture."),
    ],
)
def test_the_page_says_where_the_list_came_from(viewer: Client, user: None, made_by: str, sentence: str):
    lists = UserLists(recommended=(2,), recommended_at=NOON, recommended_by=made_by)
    stores.current().write([(7, lists)])
    page = viewer.get(USER, {"movie": 2})
    assert sentence in page.content.decode()
    assert page.context["reasons"] == [f"Is number 1 of the list of 2026-11-24 12:00 UTC. {sentence}"]


def test_a_user_who_never_had_a_list_is_explained(viewer: Client, user: None):
    stores.current().write([(7, UserLists(dismissed=(2,)))])
    assert viewer.get(USER, {"movie": 1}).context["reasons"][0] == (
        "No list of recommendations was ever made for this user."
    )


def test_a_viewer_gets_no_buttons(viewer: Client, editor: Client, user: None):
    editor.post(f"{USER}2/dismiss/")
    for decision in ("take-off", "bring-back", "dismiss", "undo-dismissal"):
        assert f"/{decision}/" not in viewer.get(USER).content.decode()
        assert f"/{decision}/" in editor.get(USER).content.decode()
        assert viewer.post(f"{USER}1/{decision}/").status_code == 403


def test_a_user_without_any_record_gets_the_most_popular_movies(viewer: Client, user: None):
    refresh()
    page = viewer.get("/admin/recommendations/userlists/", {"user": "534356757834"}, follow=True)
    assert page.redirect_chain == [("/admin/recommendations/userlists/534356757834/", 302)]
    assert "no data yet, so the most popular movies are shown." in page.content.decode()
    visible = list(Movie.objects.filter(hidden=False).order_by("id").values_list("id", flat=True))
    assert [row[0] for row in shown(page.context, "recommendations")] == visible
    assert shown(page.context, "watching") == []


def test_popular_movies_instead_of_an_exhausted_list_are_explained(viewer: Client, user: None):
    refresh()
    Movie.objects.filter(id__in=[1, 2]).update(hidden=True)
    page = viewer.get(USER, {"movie": 5})
    served = Caller()("GET", "/tetraflix/recommendations/7").json()
    ids = [one["id"] for one in served["recommendations"]]
    assert [row[0] for row in shown(page.context, "recommendations")] == ids == [5]  # 6 is finished
    assert "The user's own list has nothing left to show." in page.content.decode()
    instead = "The user's own list has nothing left to show, so the most popular movies are shown instead;"
    assert page.context["reasons"][-1] == f"{instead} this movie is among them."
    reasons = viewer.get(USER, {"movie": 4}).context["reasons"]
    assert reasons[-1] == f"{instead} this movie is not among them."


@pytest.mark.parametrize("asked", ["0", "-1", "abc", str(2**63), "\uff11"])
def test_an_invalid_user_is_reported(viewer: Client, asked: str):
    page = viewer.get("/admin/recommendations/userlists/", {"user": asked})
    assert says(page) == [f"A user is a whole number from 1 to {MAX_BIGINT}."]
    assert viewer.get(f"/admin/recommendations/userlists/{asked}/").status_code == 404


def test_users_are_paged_by_id(viewer: Client):
    stores.current().write([(user_id, UserLists()) for user_id in range(1, 61)])
    first = viewer.get("/admin/recommendations/userlists/")
    assert [user["id"] for user in first.context["users"]] == [str(user_id) for user_id in range(1, 51)]
    second = viewer.get("/admin/recommendations/userlists/", {"after": first.context["after"]})
    assert [user["id"] for user in second.context["users"]] == [str(user_id) for user_id in range(51, 61)]
    assert (second.context["after"], second.context["previous"]) == (None, "0")
    assert viewer.get("/admin/recommendations/userlists/", {"after": "50"}).context["previous"] == "0"
    third = viewer.get("/admin/recommendations/userlists/", {"after": "55"})
    before = viewer.get("/admin/recommendations/userlists/", {"after": third.context["previous"]})
    assert [user["id"] for user in before.context["users"]] == [str(user_id) for user_id in range(6, 56)]
    assert first.context["previous"] is None


def test_each_movie_has_its_place_or_its_reason_beside_it(viewer: Client, user: None):
    page = viewer.get(USER)
    assert [(row["movie_id"], row["place"]) for row in page.context["listed"]] == [
        (2, 1),
        (3, None),
        (4, None),
        (99, None),
        (1, 2),
    ]
    html = page.content.decode()
    for reason in ("is hidden", "is being watched", "does not exist"):
        assert f"Not shown: it {reason}." in html


def test_a_movie_is_found_by_its_title(viewer: Client, user: None):
    movie("Lord of the Rings", movie_id=17)
    found = viewer.get(USER, {"movie": "lord of the rigns"})
    assert [each.pk for each in found.context["titled"]] == [17]
    assert 'href="?movie=17"' in found.content.decode()
    assert "No movies match." in viewer.get(USER, {"movie": "zzzzzz"}).content.decode()


def test_an_unavailable_store_is_reported(viewer: Client, monkeypatch: pytest.MonkeyPatch):
    def unavailable(*args: object) -> None:
        raise stores.base.StoreUnavailable("unavailable")

    for method in ("scan", "read", "served"):
        monkeypatch.setattr(type(stores.current()), method, unavailable)
    page = viewer.get(USER, follow=True)
    assert (page.status_code, set(says(page))) == (
        200,
        {"The store of user lists is unavailable. Try again in a moment."},
    )
