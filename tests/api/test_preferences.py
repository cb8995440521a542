"""`PUT` and `GET /tetraflix/preferences/<user>`: fixed genre preferences, given once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from movies.foundation.numbers import MAX_BIGINT
from movies.genres import GENRES
from movies.models import Movie
from recommendations import preferences
from recommendations.models import ChangedUser
from tests.api.calling import PROFILE, Caller
from tests.movies.factories import count_views, movie

pytestmark = pytest.mark.django_db
ADDRESS = "/tetraflix/preferences/7"
GIVEN = {"userId": 7, "profile": PROFILE, "source": "given"}
AT = datetime(2026, 11, 1, tzinfo=UTC)
OTHERS = {genre: int(genre == "drama") * 100 for genre in GENRES}


@pytest.mark.parametrize(
    "body", [PROFILE, {"profile": PROFILE}, [*PROFILE.values()], {"profile": [*PROFILE.values()]}]
)
def test_preferences_are_given_once_and_read(service: Caller, body: Any):
    answer = service("PUT", ADDRESS, body)
    assert (answer.status_code, answer.json()) == (201, GIVEN)
    for again in (body, OTHERS):
        answer = service("PUT", ADDRESS, again)
        assert (answer.status_code, answer.json()) == (
            409,
            {"detail": "User 7 was given preferences before, and they never change."},
        )
    answer = service("GET", ADDRESS)
    assert (answer.status_code, answer.json()) == (200, GIVEN)
    assert answer["Cache-Control"] == "no-store"
    assert preferences.given([7, 8]) == {7: tuple(PROFILE.values())}


def test_the_user_is_marked_for_a_new_list_when_they_are_given(service: Caller):
    service("PUT", ADDRESS, PROFILE)
    mark = ChangedUser.objects.get(user_id=7).mark
    assert mark is not None
    service("PUT", ADDRESS, OTHERS)
    assert ChangedUser.objects.get(user_id=7).mark == mark


def test_a_user_without_preferences_is_404(service: Caller):
    answer = service("GET", ADDRESS)
    assert (answer.status_code, answer.json()) == (
        404,
        {"detail": "User 7 was given no preferences, and has not finished 5 movies."},
    )


def test_the_first_five_finishes_are_the_preferences_of_who_gave_none(service: Caller):
    made = [movie(f"Movie {n}", western=100 - n, drama=n) for n in range(1, 7)]
    hour = timedelta(hours=1)
    # the latest is reported first, and one movie is finished twice
    order = [made[5], made[0], made[1], made[0], made[2], made[3]]
    finishes = [(7, each.id, AT + number * hour) for number, each in enumerate(order)]
    count_views([finishes[5], *finishes[:4]])
    assert service("GET", ADDRESS).status_code == 200
    count_views(finishes)

    answer = service("GET", ADDRESS)

    # the mean of 6, 1, 2, 1 and 3 percent of drama is 2.6
    expected = dict.fromkeys(GENRES, 0) | {"western": 97, "drama": 3}
    assert answer.json() == {"userId": 7, "profile": expected, "source": "finishes"}
    Movie.objects.filter(id=made[1].id).delete()
    assert service("GET", ADDRESS).json()["profile"] == expected  # 6, 1, 1, 3 and 4
    assert service("PUT", ADDRESS, PROFILE).status_code == 201
    assert service("GET", ADDRESS).json() == GIVEN


def test_four_finishes_are_no_preferences_yet(service: Caller):
    count_views([(7, movie(f"Movie {n}").id, AT) for n in range(4)])
    assert service("GET", ADDRESS).status_code == 404


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        (b"", "profile", None),
        ([*PROFILE.values(), 0], "profile", None),
        ({**PROFILE, "drama": 1}, "profile", "The weights sum to 101, not 100."),
        ({**PROFILE, "drama": True}, "profile", "A weight is a whole number from 0 to 100: drama."),
        ({**PROFILE, "drama": -1}, "profile", "A weight is a whole number from 0 to 100: drama."),
        ({**PROFILE, "jazz": 0}, "profile", f"Unknown genre: jazz. The 15 are: {', '.join(GENRES)}."),
        ({"drama": 100}, "profile", None),
        ({"profile": None}, "profile", "A profile is an object {genre: weight} or an array of 15 weights."),
        ("drama", "profile", None),
        ({"profile": PROFILE, "userId": 7}, "userId", "Unknown field; there is profile."),
    ],
)  # fmt: skip
def test_a_bad_body_is_400_that_names_the_field(service: Caller, body: Any, field: str, reason: str | None):
    answer = service("PUT", ADDRESS, body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    if reason:
        assert answer.json()["errors"][field] == [reason]
    assert preferences.given([7]) == {}


def test_a_body_that_is_not_json_is_400(service: Caller):
    answer = service("PUT", ADDRESS, b"{")
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("user_id", ["0", "x", str(MAX_BIGINT + 1)])
def test_what_is_no_user_is_404(service: Caller, method: str, user_id: str):
    answer = service(method, f"/tetraflix/preferences/{user_id}", PROFILE)
    assert (answer.status_code, answer.json()) == (
        404,
        {"detail": "A user is a whole number from 1 to 9223372036854775807."},
    )


def test_they_are_read_with_a_key_of_the_service_only(anybody: Caller, distributor: Caller):
    assert anybody("GET", ADDRESS).status_code == 401
    assert distributor("GET", ADDRESS).status_code == 403


def test_the_database_takes_nothing_but_a_profile():
    with pytest.raises(IntegrityError):
        preferences.give(7, [1] * len(GENRES))
