"""`POST /tetraflix/movies`, `PUT`, `PATCH` and `DELETE /tetraflix/movies/<id>`."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from movies.foundation.numbers import MAX_BIGINT
from movies.genres import GENRES
from movies.models import Movie, MovieChange
from tests.api.calling import LORD, PROFILE, Caller, movie_of

pytestmark = pytest.mark.django_db
MOVIES = "/tetraflix/movies"
WEIGHTS = list(PROFILE.values())


@pytest.fixture
def lord(distributor: Caller) -> str:
    """The address of a movie at version 1."""
    return f"{MOVIES}/{distributor('POST', MOVIES, LORD).json()['id']}"


def test_an_added_movie_is_served_as_answered(distributor: Caller, anybody: Caller):
    answer = distributor("POST", MOVIES, LORD)
    assert answer.status_code == 201
    movie = Movie.objects.get()
    shown = {"id": movie.id, **LORD, "progress": 0}
    assert answer.json() == {**shown, "hidden": False, "version": 1}
    assert list(answer.json()["profile"]) == list(GENRES)
    assert answer["Location"] == f"{MOVIES}/{movie.id}"
    assert answer["ETag"] == '"1"'
    assert anybody("GET", f"{MOVIES}/{movie.id}").json() == shown
    assert MovieChange.objects.get().actor == "key:the distributor"


def test_a_profile_may_be_an_array_in_the_order_of_the_genres(distributor: Caller):
    answer = distributor("POST", MOVIES, {"title": "Kahaani", "profile": WEIGHTS})
    assert (answer.status_code, answer.json()["profile"]) == (201, PROFILE)


BAD = [
    ({"profile": PROFILE}, {"title": ["This field is needed."]}),
    ({"title": "Kahaani"}, {"profile": ["This field is needed."]}),
    ({**LORD, "title": 7}, {"title": ["A title is a text."]}),
    ({**LORD, "title": " "}, {"title": ["A title is needed."]}),
    ({**LORD, "title": "x" * 301}, {"title": ["A title has at most 300 characters; this has 301."]}),
    ({**LORD, "title": "a\0b"}, {"title": ["A title has no control characters and no line breaks."]}),
    ({**LORD, "title": "a\ud800"}, {"title": ["A title has no control characters and no line breaks."]}),
    ({**LORD, "profile": {**PROFILE, "drama": 1}}, {"profile": ["The weights sum to 101, not 100."]}),
    (
        {**LORD, "profile": {**PROFILE, "drama": -1}},
        {"profile": ["A weight is a whole number from 0 to 100: drama."]},
    ),
    (
        {**LORD, "profile": {**PROFILE, "drama": 10**30}},
        {"profile": ["A weight is a whole number from 0 to 100: drama."]},
    ),
    (
        {**LORD, "profile": {**PROFILE, "action": 40.0}},
        {"profile": ["A weight is a whole number from 0 to 100: action."]},
    ),
    (
        {**LORD, "profile": {**PROFILE, "drama": True}},
        {"profile": ["A weight is a whole number from 0 to 100: drama."]},
    ),
    (
        {**LORD, "profile": "drama"},
        {"profile": ["A profile is an object {genre: weight} or an array of 15 weights."]},
    ),
    ({**LORD, "hidden": "no"}, {"hidden": ["Hidden is true or false."]}),
    ({**LORD, "id": 7}, {"id": ["Unknown field; there are title, profile, hidden."]}),
    ("a movie", {"non_field_errors": ["A movie is an object with a title and a profile."]}),
    ([], {"non_field_errors": ["The list is empty."]}),
]


@pytest.mark.parametrize(("body", "errors"), BAD)
def test_a_bad_body_is_400_and_says_which_field(distributor: Caller, body: Any, errors: dict[str, Any]):
    answer = distributor("POST", MOVIES, json.dumps(body).encode())
    assert answer.status_code == 400
    (field, (reason,)), *_ = errors.items()
    where = "" if field == "non_field_errors" else f"{field}: "
    assert answer.json() == {"detail": where + reason, "errors": errors}
    assert Movie.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "The body is not valid JSON: Expecting property name enclosed in double quotes"),
        (b'{"title": NaN}', "The body is not valid JSON: NaN is not a number in JSON"),
        (b'{"title": "a", "title": "b"}', 'The body is not valid JSON: the key "title" is there twice'),
        (b'{"title": "\xff"}', "The body is not UTF-8"),
        (b'{"a":' * 100_000, "The body is nested too deeply"),
        (b'{"title": ' + b"1" * 5_000 + b"}", "The body is not valid JSON: Exceeds the limit (4300 digits)"),
    ],
)
def test_what_is_not_json_is_400(distributor: Caller, body: bytes, detail: str):
    answer = distributor("POST", MOVIES, body)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(detail)
    assert set(answer.json()) == {"detail"}


def test_another_content_type_is_415(distributor: Caller):
    answer = distributor("POST", MOVIES, b"title=Kahaani", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert answer.json() == {
        "detail": 'Unsupported media type "application/x-www-form-urlencoded" in request.'
    }


def test_a_body_that_is_too_large_is_413(distributor: Caller, settings: Settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = distributor("POST", MOVIES, LORD)
    assert (answer.status_code, answer.json()) == (413, {"detail": "A body has at most 100 bytes."})
    answer = distributor("POST", MOVIES, LORD, Idempotency_Key="large")
    assert (answer.status_code, answer.json()) == (413, {"detail": "A body has at most 100 bytes."})


def test_a_body_of_unknown_length_is_411(distributor: Caller):
    # WSGI does not pass on a chunked body
    answer = distributor.client.post(
        MOVIES,
        content_type="application/json",
        headers={"Authorization": distributor.authorization, "Transfer-Encoding": "chunked"},
        CONTENT_LENGTH="",
    )
    assert (answer.status_code, answer.json()) == (411, {"detail": "Send the body with a Content-Length."})


def test_a_thousand_movies_are_added_in_one_call_in_their_order(distributor: Caller):
    bodies = [{"title": f"Movie {i}", "profile": WEIGHTS, "hidden": i == 7} for i in range(1000)]
    answer = distributor("POST", MOVIES, bodies)
    assert answer.status_code == 201
    assert [movie["title"] for movie in answer.json()] == [body["title"] for body in bodies]
    assert [movie["hidden"] for movie in answer.json()].count(True) == 1
    assert Movie.objects.count() == 1000


def test_of_many_movies_none_is_added_when_one_is_bad_and_each_error_has_its_index(distributor: Caller):
    bodies = [LORD, {**LORD, "title": ""}, LORD, {"profile": PROFILE}]
    answer = distributor("POST", MOVIES, bodies)
    assert answer.status_code == 400
    assert answer.json() == {
        "detail": "1.title: A title is needed.",
        "errors": {"1": {"title": ["A title is needed."]}, "3": {"title": ["A title is a text."]}},
    }
    answer = distributor("POST", MOVIES, [LORD, 7, {**LORD, "titel": "x"}])
    assert answer.json()["errors"] == {
        "1": {"non_field_errors": ["A movie is an object with a title and a profile."]},
        "2": {"titel": ["Unknown field; there are title, profile, hidden."]},
    }
    assert Movie.objects.count() == 0


def test_more_than_a_thousand_movies_are_refused(distributor: Caller):
    answer = distributor("POST", MOVIES, [LORD] * 1001)
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "At most 1,000 in one call; these are 1,001.",
    )
    assert Movie.objects.count() == 0


def test_put_replaces_and_patch_changes_the_fields_sent(distributor: Caller, anybody: Caller, lord: str):
    new = {**PROFILE, "action": 30, "drama": 10}
    patched = distributor("PATCH", lord, {"profile": new})
    assert (patched.status_code, patched["ETag"]) == (200, '"2"')
    assert movie_of(patched) == anybody("GET", lord).json()
    assert (patched.json()["title"], patched.json()["profile"]) == ("Lord of the Rings", new)
    put = distributor("PUT", lord, {"title": "Kahaani", "profile": PROFILE})
    assert (put.status_code, put.json()["version"]) == (200, 3)
    assert anybody("GET", lord).json() == movie_of(put)


def test_a_movie_as_it_was_read_can_be_sent_back_by_put(distributor: Caller, anybody: Caller, lord: str):
    answer = distributor("PUT", lord, {**anybody("GET", lord).json(), "title": "Kahaani"})
    assert (answer.status_code, answer.json()["title"]) == (200, "Kahaani")
    answer = distributor("PUT", lord, {**LORD, "id": 999})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["id"])


def test_a_hidden_movie_is_404_for_clients_and_can_still_be_written(
    distributor: Caller, anybody: Caller, lord: str
):
    assert distributor("PATCH", lord, {"hidden": True}).json()["hidden"] is True
    assert anybody("GET", lord).status_code == 404
    assert distributor("PATCH", lord, {"title": "Kahaani"}).json()["hidden"] is True
    # PUT replaces the movie, and `hidden` is false by default
    assert distributor("PUT", lord, LORD).json()["hidden"] is False
    assert anybody("GET", lord).json()["title"] == "Lord of the Rings"


def test_a_deleted_movie_is_gone_and_deleting_it_again_is_404(
    distributor: Caller, anybody: Caller, lord: str
):
    answer = distributor("DELETE", lord)
    assert (answer.status_code, answer.content) == (204, b"")
    assert anybody("GET", lord).status_code == 404
    for method, body in [("DELETE", None), ("PUT", LORD), ("PATCH", {})]:
        answer = distributor(method, lord, body)
        assert (answer.status_code, list(answer.json())) == (404, ["detail"])


@pytest.mark.parametrize("movie_id", ["0", "-1", "abc", "1.5", str(MAX_BIGINT + 1), "9" * 5000])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_an_invalid_id_is_404(distributor: Caller, method: str, movie_id: str):
    answer = distributor(method, f"{MOVIES}/{movie_id}", LORD)
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is no such movie."})


def test_a_bad_change_is_not_applied_in_part(distributor: Caller, lord: str):
    answer = distributor("PATCH", lord, {"title": "Kahaani", "profile": {**PROFILE, "drama": 1}})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["profile"])
    assert Movie.objects.get().title == "Lord of the Rings"


def test_a_change_of_an_outdated_version_is_refused(distributor: Caller, lord: str):
    assert distributor("PATCH", lord, {"title": "A"}, If_Match='"1"').status_code == 200
    stale = distributor("PATCH", lord, {"title": "B"}, If_Match='"1"')
    assert stale.status_code == 412
    assert stale.json()["detail"].endswith("was changed meanwhile: it is at version 2.")
    assert distributor("PATCH", lord, {"title": "B", "version": 1}).status_code == 409
    assert distributor("DELETE", lord, If_Match='"1"').status_code == 412
    assert distributor("PATCH", lord, {"title": "B"}, If_Match="x").json()["errors"].keys() == {"If-Match"}
    assert Movie.objects.get().title == "A"
    assert distributor("PATCH", lord, {"title": "B", "version": 2}).status_code == 200
    assert distributor("DELETE", lord, If_Match='"3"').status_code == 204
