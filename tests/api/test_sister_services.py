"""`POST /tetraflix/sessionData` and `userRecs`; currently watching taken off and brought back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from movies.foundation.numbers import MAX_BIGINT
from movies.models import View, ViewCount
from recommendations import stores
from tests.api.calling import Caller
from tests.movies.factories import movie

pytestmark = pytest.mark.django_db
SESSION = "/tetraflix/sessionData"
RECS = "/tetraflix/userRecs"
USER = "/tetraflix/recommendations/5"


@pytest.fixture(autouse=True)
def inventory() -> None:
    for movie_id in (1, 2, 3, 4):
        movie(f"Movie {movie_id}", movie_id=movie_id)


def shown(anybody: Caller) -> tuple[list[int], list[tuple[int, float]]]:
    """The user's two lists: ids recommended, and ids being watched with their progress."""
    lists = anybody("GET", USER).json()
    return (
        [movie["id"] for movie in lists["recommendations"]],
        [(movie["id"], movie["progress"]) for movie in lists["currentlyWatching"]],
    )


def watched(movie_id: int, progress: float, time: str | None = None) -> dict[str, Any]:
    return {"movie": {"id": movie_id}, "progress": progress} | ({"startTime": time} if time else {})


def test_a_session_is_applied_before_the_answer(service: Caller, anybody: Caller):
    assert service("POST", RECS, {"userId": "5", "rec": [1, 2, 3]}).status_code == 201
    soon = datetime.now(UTC) + timedelta(hours=1)
    events = [
        watched(1, 1, soon.isoformat()),
        watched(2, 0.7, (soon + timedelta(minutes=1)).isoformat()),
        watched(99, 1),
    ]
    answer = service("POST", SESSION, {"userId": 5, "events": events})
    assert (answer.status_code, answer.json()) == (
        201,
        {"events": 2, "views": 1, "skipped": 1, "superseded": 0},
    )
    assert shown(anybody) == ([3], [(2, 0.7)])
    assert ViewCount.objects.get(movie_id=1).views == 1
    again = service("POST", SESSION, {"userId": 5, "events": events})
    assert again.json() == {"events": 2, "views": 0, "skipped": 1, "superseded": 0}
    assert View.objects.count() == 1


def test_a_list_is_applied_before_the_answer(service: Caller, anybody: Caller):
    answer = service("POST", RECS, {"userId": 5, "rec": [3, 99, 1, 3]})
    assert (answer.status_code, answer.json()) == (201, {"received": 4, "stored": True})
    assert shown(anybody) == ([3, 1], [])


@pytest.mark.parametrize(
    ("path", "body", "field", "reason"),
    [
        (SESSION, b"", "non_field_errors", "empty"),
        (SESSION, b"{", "non_field_errors", None),
        (SESSION, b'{"events": []}', "userId", "missing `userId`"),
        (SESSION, b'{"userId": 0, "events": []}', "userId", None),
        (
            SESSION,
            b'{"userId": 5, "events": [{"movie": {"id": 1}, "progress": 7}]}',
            "events[0].progress",
            None,
        ),
        (
            SESSION,
            b'{"userId": 5, "events": [{"movie": {"id": 1}, "progress": 0.1},'
            b' {"movie": {"id": 1}, "progress": 1, "timestamp": "soon"}]}',
            "events[1].timestamp",
            "'soon' is not a time (ISO 8601, or like 2017-09-08 2:50PM)",
        ),
        (RECS, b'{"userId": 5, "rec": [1, "x"]}', "rec[1]", None),
        (RECS, b'{"userId": 5}', "rec", "missing `rec`"),
    ],
)
def test_an_invalid_message_is_400_that_names_the_field_and_changes_nothing(
    service: Caller, path: str, body: bytes, field: str, reason: str | None
):
    answer = service("POST", path, body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    if reason:
        assert answer.json()["errors"][field] == [reason]
    assert answer.json()["detail"].endswith(answer.json()["errors"][field][0])
    assert stores.current().read(5) is None
    assert View.objects.count() == 0


@pytest.mark.parametrize("path", [SESSION, RECS])
def test_another_content_type_is_415(service: Caller, path: str):
    assert service("POST", path, b"{}", content_type="text/plain").status_code == 415


def test_a_movie_taken_off_keeps_its_progress_and_comes_back(service: Caller, anybody: Caller):
    watching = "/tetraflix/currentlyWatching/5/2"
    service("POST", SESSION, {"userId": 5, "events": [watched(2, 0.7)]})
    for _ in range(2):  # it may be repeated
        answer = service("DELETE", watching)
        assert (answer.status_code, answer.content) == (204, b"")
        assert shown(anybody) == ([1, 2, 3, 4], [])
    for _ in range(2):
        assert service("PUT", watching).status_code == 204
        assert shown(anybody) == ([1, 3, 4], [(2, 0.7)])


def test_a_later_session_brings_a_movie_back_that_was_taken_off(service: Caller, anybody: Caller):
    service("POST", SESSION, {"userId": 5, "events": [watched(2, 0.7)]})
    service("DELETE", "/tetraflix/currentlyWatching/5/2")
    service("POST", SESSION, {"userId": 5, "events": [watched(2, 0.8)]})
    assert shown(anybody) == ([1, 3, 4], [(2, 0.8)])


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
@pytest.mark.parametrize("path", ["5/2", "6/1", "x/1", "5/0", f"{MAX_BIGINT + 1}/1", "5/1.0"])
def test_a_movie_that_is_neither_watched_nor_taken_off_is_404(service: Caller, method: str, path: str):
    service("POST", SESSION, {"userId": 5, "events": [watched(1, 0.7)]})
    answer = service(method, f"/tetraflix/currentlyWatching/{path}")
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])
