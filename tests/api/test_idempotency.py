"""Idempotency-Key: a repeated request gets the first answer and is done once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.test import RequestFactory
from pytest_django import Settings

from movies.models import Movie, View
from recommendations import stores
from recommendations.stores.base import StoreUnavailable
from recommendations.stores.mongo import MongoStore
from tests.api.calling import LORD, PROFILE, Caller
from tests.waiting import wait_until
from tetraflix.access.idempotency import delete_old_answers, idempotent
from tetraflix.models import KeptAnswer

MOVIES = "/tetraflix/movies"
SESSION = "/tetraflix/sessionData"


def test_a_repeated_request_gets_the_first_answer_and_is_done_once(distributor: Caller):
    first = distributor("POST", MOVIES, LORD, Idempotency_Key="a")
    again = distributor("POST", MOVIES, LORD, Idempotency_Key="a")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert [again[name] for name in ("Location", "ETag", "Content-Type")] == [
        first[name] for name in ("Location", "ETag", "Content-Type")
    ]
    assert ("Idempotent-Replay" in first, again["Idempotent-Replay"]) == (False, "true")
    assert Movie.objects.count() == 1


def test_another_body_under_the_same_key_is_422(distributor: Caller):
    distributor("POST", MOVIES, LORD, Idempotency_Key="a")
    answer = distributor("POST", MOVIES, {**LORD, "title": "Kahaani"}, Idempotency_Key="a")
    assert answer.status_code == 422
    assert answer.json() == {"detail": "This Idempotency-Key came with another address or body before."}
    assert Movie.objects.count() == 1


def test_the_key_is_the_callers_own(distributor: Caller):
    distributor("POST", MOVIES, LORD, Idempotency_Key="a")
    assert Caller("distributor")("POST", MOVIES, LORD, Idempotency_Key="a").status_code == 201
    assert Movie.objects.count() == 2


def test_a_bad_body_gets_the_same_error_again(distributor: Caller):
    first = distributor("POST", MOVIES, {"title": "x"}, Idempotency_Key="a")
    again = distributor("POST", MOVIES, {"title": "x"}, Idempotency_Key="a")
    assert (first.status_code, again.status_code, again.json()) == (400, 400, first.json())
    assert again["Idempotent-Replay"] == "true"


@pytest.mark.parametrize("name", ["", "x" * 256, "a\tb"])
def test_a_key_that_is_too_long_or_unprintable_is_400(distributor: Caller, name: str):
    answer = distributor("POST", MOVIES, LORD, Idempotency_Key=name)
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"Idempotency-Key": ["1 to 255 printable characters."]}
    assert Movie.objects.count() == 0


def test_a_key_of_255_characters_is_kept(distributor: Caller):
    for _ in range(2):
        assert distributor("POST", MOVIES, LORD, Idempotency_Key="x" * 255).status_code == 201
    assert Movie.objects.count() == 1


def test_401_and_403_are_not_kept(db, distributor: Caller, service: Caller):
    assert service("POST", MOVIES, LORD, Idempotency_Key="a").status_code == 403
    assert Caller()("POST", MOVIES, LORD, Idempotency_Key="a").status_code == 401
    assert KeptAnswer.objects.count() == 0


def test_a_key_may_be_reused_after_a_day(distributor: Caller):
    distributor("POST", MOVIES, LORD, Idempotency_Key="a")
    distributor("POST", MOVIES, LORD, Idempotency_Key="b")
    yesterday = KeptAnswer.objects.get(name="a").created - timedelta(hours=24, minutes=1)
    KeptAnswer.objects.filter(name="a").update(created=yesterday)
    answer = distributor("POST", MOVIES, {**LORD, "title": "Kahaani"}, Idempotency_Key="a")
    assert answer.status_code == 201
    assert Movie.objects.count() == 3
    KeptAnswer.objects.filter(name="b").update(created=yesterday)
    assert delete_old_answers() == 1
    assert list(KeptAnswer.objects.values_list("name", flat=True)) == ["a"]


def test_a_session_is_counted_once_even_without_a_time(service: Caller):
    Movie.objects.create(id=7, title="Kahaani", profile=list(PROFILE.values()))
    body = {"userId": 5, "events": [{"movie": {"id": 7}, "progress": 1}]}
    answers = [service("POST", SESSION, body, Idempotency_Key="a") for _ in range(2)]
    assert [answer.json() for answer in answers] == [
        {"events": 1, "views": 1, "skipped": 0, "superseded": 0}
    ] * 2
    assert View.objects.count() == 1


def test_a_session_whose_answer_was_lost_keeps_the_time_of_the_first_request(service: Caller):
    Movie.objects.create(id=7, title="Kahaani", profile=list(PROFILE.values()))
    body = {"userId": 5, "events": [{"movie": {"id": 7}, "progress": 1}]}
    service("POST", SESSION, body, Idempotency_Key="a")
    KeptAnswer.objects.update(status=None)  # as if the process had died before it kept the answer
    answer = service("POST", SESSION, body, Idempotency_Key="a")
    assert (answer.status_code, answer.json()) == (
        201,
        {"events": 1, "views": 0, "skipped": 0, "superseded": 0},
    )
    assert View.objects.count() == 1
    again = service("POST", SESSION, body, Idempotency_Key="a")
    assert (again.json(), again["Idempotent-Replay"]) == (answer.json(), "true")


@pytest.mark.django_db(transaction=True)
def test_an_answer_is_kept_only_after_mongodb_stored_the_lists(
    mongodb_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    settings.MONGODB_URL = mongodb_url
    Movie.objects.create(id=7, title="Kahaani", profile=list(PROFILE.values()))
    Movie.objects.create(id=8, title="Sholay", profile=list(PROFILE.values()))
    service = Caller("service")
    events = [{"movie": {"id": 7}, "progress": 1}, {"movie": {"id": 8}, "progress": 0.5}]
    body = {"userId": 5, "events": events}

    def unavailable(self: Any, changes: Any) -> None:
        raise StoreUnavailable("no primary")

    with monkeypatch.context() as fault:
        fault.setattr(MongoStore, "update", unavailable)
        assert service("POST", SESSION, body, Idempotency_Key="a").status_code == 503
    assert View.objects.count() == 0
    answer = service("POST", SESSION, body, Idempotency_Key="a")
    assert (answer.status_code, answer.json()) == (
        201,
        {"events": 2, "views": 1, "skipped": 0, "superseded": 0},
    )
    assert View.objects.count() == 1
    lists = stores.current().read(5)
    assert lists is not None
    assert [(entry.movie_id, entry.progress) for entry in lists.watching] == [(8, 0.5)]
    assert service("POST", SESSION, body, Idempotency_Key="a")["Idempotent-Replay"] == "true"


def _posted(caller: Caller, name: str) -> Any:
    return RequestFactory().post(
        "/x",
        b"{}",
        content_type="application/json",
        headers={"Authorization": caller.authorization, "Idempotency-Key": name},
    )


def test_a_failed_request_stores_neither_work_nor_answer(distributor: Caller):
    def fails(request: Any) -> HttpResponse:
        Movie.objects.create(title="Half", profile=list(PROFILE.values()))
        return JsonResponse({"detail": "unavailable"}, status=503)

    assert idempotent(fails)(_posted(distributor, "a")).status_code == 503
    assert (Movie.objects.count(), KeptAnswer.objects.count()) == (0, 0)

    def breaks(request: Any) -> HttpResponse:
        Movie.objects.create(title="Half", profile=list(PROFILE.values()))
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        idempotent(breaks)(_posted(distributor, "a"))
    assert (Movie.objects.count(), KeptAnswer.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_of_two_concurrent_requests_one_works_and_the_other_waits_for_its_answer():
    distributor = Caller("distributor")
    inside, go_on = threading.Event(), threading.Event()

    def slow(request: Any) -> HttpResponse:
        Movie.objects.create(title="Once", profile=list(PROFILE.values()))
        inside.set()
        assert go_on.wait(10)
        return JsonResponse({"done": True}, status=201)

    answers: list[Any] = []

    def call() -> None:
        try:
            answers.append(idempotent(slow)(_posted(distributor, "a")))
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(2)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    wait_until(_a_lock_is_waited_for)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert sorted(answer.headers.get("Idempotent-Replay", "") for answer in answers) == ["", "true"]
    assert Movie.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_request_that_waits_too_long_for_the_first_is_409_with_retry_after():
    distributor = Caller("distributor")
    inside, go_on = threading.Event(), threading.Event()

    def slow(request: Any) -> HttpResponse:
        inside.set()
        assert go_on.wait(10)
        return JsonResponse({"done": True}, status=201)

    def call() -> None:
        try:
            idempotent(slow)(_posted(distributor, "a"))
        finally:
            connection.close()

    thread = threading.Thread(target=call)
    thread.start()
    assert inside.wait(10)
    answer = idempotent(slow)(_posted(distributor, "a"))
    go_on.set()
    thread.join(10)
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")


def _a_lock_is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])
