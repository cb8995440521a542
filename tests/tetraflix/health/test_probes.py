"""What /healthz and /readyz answer, and how soon."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from tetraflix.embedded.ports import free_port
from tetraflix.health import background_cache, service_state
from tetraflix.health.background_cache import BackgroundCache
from tetraflix.health.service_state import Readiness


@pytest.fixture(autouse=True)
def _nothing_cached(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(background_cache, "FIRST_WAIT_SECONDS", 60)  # a busy machine is no reason to fail
    service_state.forget()
    yield
    service_state.forget()


def readyz(client: Client) -> tuple[int, dict[str, Any]]:
    response = client.get("/readyz")
    return response.status_code, response.json()


def test_a_process_that_answers_is_alive_whatever_else_is_unavailable(client: Client) -> None:
    # no database mark: a statement would fail this test
    response = client.get("/healthz", headers={"host": "10.1.2.3"})
    assert (response.status_code, response.json()) == (200, {"alive": True})


@pytest.mark.usefixtures("transactional_db")
def test_ready_with_a_migrated_database_and_without_beat_and_sqs(
    client: Client, settings: Settings, closed_port: int
) -> None:
    settings.SQS_ENDPOINT = f"http://127.0.0.1:{closed_port}"
    assert readyz(client) == (200, {"ready": True, "checks": {"database": "ok", "migrations": "ok"}})


@pytest.mark.usefixtures("transactional_db")
def test_not_ready_while_a_migration_is_not_applied(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'movies' AND name = '0001_initial'")
    try:
        status, body = readyz(client)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('movies', '0001_initial', now())"
            )
    assert status == 503
    assert body["checks"]["migrations"] == "not applied: movies.0001_initial; run manage.py migrate"


def test_not_ready_while_the_database_is_unavailable(
    client: Client, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setitem(connection.settings_dict, "PORT", closed_port)
    status, body = readyz(client)
    assert (status, body["ready"]) == (503, False)
    assert f"PostgreSQL at 127.0.0.1:{closed_port} is not reachable" in body["checks"]["database"]
    assert body["checks"]["migrations"] == "unknown without the database"


def test_many_probes_at_once_share_one_check(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[int] = []

    def check() -> Readiness:
        checks.append(1)
        return Readiness(None, [])

    monkeypatch.setattr(service_state, "readiness", BackgroundCache(check, keep_seconds=60))
    assert [readyz(client)[0] for _ in range(5)] == [200] * 5
    assert len(checks) == 1


@pytest.fixture
def closed_port() -> int:
    """A port that nothing listens on."""
    return free_port()
