"""While PostgreSQL is unavailable or too slow, every URL answers 503 with Retry-After, and never 500."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import Client
from pytest_django import Settings

from movies.inventory.services import InventoryBusy
from tests.api.calling import LORD, Caller
from tests.movies.factories import movie, other_connection
from tests.waiting import wait_until
from tetraflix.embedded.ports import free_port
from tetraflix.models import KeptAnswer
from tetraflix.web.error_responses import BUSY, TIMED_OUT, UNAVAILABLE, unavailable_because

pytestmark = pytest.mark.django_db(transaction=True)

READS = ["genre/drama", "recommendations/5", "movies/1", "movies", "movies?q=kahaani", "movies?genre=drama"]
SESSION = {"userId": 5, "events": [{"movie": {"id": 1}, "progress": 1}]}
WRITES = [
    ("distributor", "POST", "movies", LORD),
    ("distributor", "PATCH", "movies/1", {"title": "Else"}),
    ("distributor", "DELETE", "movies/1", None),
    ("service", "POST", "sessionData", SESSION),
    ("service", "POST", "userRecs", {"userId": 5, "rec": [1]}),
    ("service", "DELETE", "currentlyWatching/5/1", None),
]
PAGES = [
    "/admin/",
    "/admin/movies/movie/",
    "/admin/movies/movie/1/change/",
    "/admin/movies/moviechange/",
    "/admin/movies/job/",
    "/admin/recommendations/userlists/5/",
    "/admin/sessions_ingest/deadletteract/",
    "/admin/tetraflix/apikey/",
    "/admin/auth/user/",
    "/admin/login/?next=/admin/",
]


@contextmanager
def stopped() -> Iterator[None]:
    """PostgreSQL is at a port where nothing listens."""
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = free_port()
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["PORT"] = port


@contextmanager
def locked(limit: str) -> Iterator[None]:
    """Another connection locks movies and users, and this process waits at most 20 ms, by `limit`."""
    with other_connection() as other:
        other.cursor().execute(
            "LOCK TABLE movies_movie, auth_user, movies_inventory IN ACCESS EXCLUSIVE MODE"
        )
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute(f"SET {limit} = 20")
        try:
            yield
        finally:
            connection.close()


def check_json(response: Any, detail: str) -> None:
    assert (response.status_code, response.json()) == (503, {"detail": detail})
    assert int(response["Retry-After"]) > 0


def check_page(response: Any, detail: str) -> None:
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    shown = response.content.decode()
    assert f"<p>{detail}</p>" in shown
    assert "<style>" in shown
    assert "Traceback" not in shown


@pytest.fixture
def callers(plain_static_files: None) -> dict[str, Caller]:
    movie("Kahaani", movie_id=1, drama=100)
    return {role: Caller(role) for role in ("distributor", "service")}


@pytest.mark.parametrize("idempotency", [{}, {"Idempotency_Key": "once"}])
def test_writes_with_a_key_are_503_while_the_database_is_unavailable(
    callers: dict[str, Caller], idempotency: dict[str, str]
):
    with stopped():
        for role, method, path, body in WRITES:
            check_json(callers[role](method, f"/tetraflix/{path}", body, **idempotency), UNAVAILABLE)
    assert KeptAnswer.objects.count() == 0
    assert callers["distributor"]("POST", "/tetraflix/movies", LORD, **idempotency).status_code == 201


def test_reads_and_pages_are_503_while_the_database_is_unavailable(
    callers: dict[str, Caller], boss: Client, settings: Settings
):
    with stopped():
        for path in READS:
            check_json(boss.get(f"/tetraflix/{path}"), UNAVAILABLE)
        settings.READS_NEED_KEY = True
        check_json(callers["service"]("GET", "/tetraflix/genre/drama"), UNAVAILABLE)
        check_json(boss.get("/admin/dashboard.json"), UNAVAILABLE)
        for page in PAGES:
            check_page(boss.get(page), UNAVAILABLE)
        check_page(
            boss.post("/admin/movies/movie/", {"action": "hide", "_selected_action": "1"}), UNAVAILABLE
        )
        check_page(Client().post("/admin/login/", {"username": "boss", "password": "x"}), UNAVAILABLE)
        assert boss.get("/").status_code == 200
    assert boss.get("/admin/").status_code == 200


@pytest.mark.parametrize(("limit", "detail"), [("statement_timeout", TIMED_OUT), ("lock_timeout", BUSY)])
def test_a_database_timeout_is_503(callers: dict[str, Caller], boss: Client, limit: str, detail: str):
    # a writer reports which lock it waited for
    refused = str(InventoryBusy()) if detail == BUSY else detail
    boss.get("/admin/")  # the session is there
    with locked(limit):
        check_json(boss.get("/tetraflix/movies"), detail)
        check_page(boss.get("/admin/movies/movie/"), detail)
        for idempotency in ({}, {"Idempotency_Key": "once"}):
            for body in (LORD, [LORD]):
                answer = callers["distributor"]("POST", "/tetraflix/movies", body, **idempotency)
                check_json(answer, refused)
            check_json(callers["service"]("POST", "/tetraflix/sessionData", SESSION, **idempotency), detail)
    assert (
        callers["distributor"]("POST", "/tetraflix/movies", LORD, Idempotency_Key="once").status_code == 201
    )


def test_a_transaction_that_was_idle_too_long_is_503(db: None):
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = 20")
    with pytest.raises(DatabaseError) as ended:
        _idle_in_a_transaction()
    connection.close()
    # the server reports the reason, but libpq may only see the closed connection
    assert unavailable_because(ended.value) in {TIMED_OUT, UNAVAILABLE}


def _idle_in_a_transaction() -> None:
    with transaction.atomic(), connection.cursor() as cursor, other_connection() as other:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
        wait_until(lambda: not _lives(other, pid))
        cursor.execute("SELECT 1")


def _lives(other: Any, pid: int) -> bool:
    cursor = other.cursor()
    cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid])
    other.commit()
    return bool(cursor.fetchone()[0])


def test_an_unavailable_database_in_a_middleware_is_503(
    boss: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """The session is saved after the view, outside of its error handling."""

    def unavailable(*arguments: object, **more: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    settings.SESSION_SAVE_EVERY_REQUEST = True
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.save", unavailable)
    boss.raise_request_exception = False
    check_page(boss.get("/admin/"), UNAVAILABLE)


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        ("SELECT 1 / 0", None),
        ("SELECT no_such_column", None),
        ("SELECT currval('movies_movie_id_seq')", None),  # class 55, and an OperationalError to psycopg2
        ("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(5)", TIMED_OUT),
        ("SELECT pg_terminate_backend(pg_backend_pid())", UNAVAILABLE),
    ],
)
def test_an_error_that_a_retry_does_not_cure_is_not_503(statement: str, detail: str | None):
    connection.close()  # currval knows nothing of this session
    with pytest.raises(DatabaseError) as error, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()
    assert unavailable_because(error.value) == detail


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("40001", BUSY),
        ("40P01", BUSY),
        ("53300", UNAVAILABLE),
        ("57P03", UNAVAILABLE),
        ("42P01", None),
        ("55000", None),
    ],
)
def test_sqlstates_of_temporary_errors(code: str, detail: str | None):
    error = OperationalError("said the server")
    error.__cause__ = type("Raised", (psycopg2.OperationalError,), {"pgcode": code})()
    assert unavailable_because(error) == detail
    assert unavailable_because(ValueError()) is None
