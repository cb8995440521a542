"""What /healthz and /readyz answer, and how soon."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from movies.outbox import bus
from tests.servers.queues import Queues
from tetraflix.background import heartbeats
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


@pytest.mark.usefixtures("transactional_db", "queues")
def test_ready_when_everything_needed_is_available(client: Client) -> None:
    heartbeats.record("beat")
    ok = {"database": "ok", "migrations": "ok", "beat": "ok", "queue": "ok"}
    assert readyz(client) == (200, {"ready": True, "checks": ok})


@pytest.mark.usefixtures("transactional_db", "queues")
def test_not_ready_without_a_fresh_heartbeat_of_beat(client: Client) -> None:
    status, body = readyz(client)
    assert (status, body["ready"], body["checks"]["database"]) == (503, False, "ok")
    assert body["checks"]["beat"] == "no heartbeat ever: celery -A tetraflix beat does not run"

    heartbeats.record("beat")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tetraflix_heartbeat SET at = now() - interval '100 seconds'")
    service_state.forget()
    assert "no heartbeat for 100 s" in readyz(client)[1]["checks"]["beat"]


@pytest.mark.usefixtures("transactional_db")
def test_not_ready_while_a_migration_is_not_applied(client: Client, queues: Queues) -> None:
    heartbeats.record("beat")
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


@pytest.mark.usefixtures("transactional_db")
def test_not_ready_while_a_queue_is_missing(client: Client, queues: Queues, settings: Settings) -> None:
    heartbeats.record("beat")
    settings.RECS_QUEUE = "never-made"
    status, body = readyz(client)
    assert status == 503
    assert body["checks"]["queue"] == "missing: never-made; run manage.py ensure_queues"


def test_not_ready_while_database_and_queue_are_unavailable(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setitem(connection.settings_dict, "PORT", closed_port)
    settings.SQS_ENDPOINT = f"http://127.0.0.1:{closed_port}"
    bus.quick_client.cache_clear()
    try:
        status, body = readyz(client)
    finally:
        bus.quick_client.cache_clear()
    assert status == 503
    assert f"PostgreSQL at 127.0.0.1:{closed_port} is not reachable" in body["checks"]["database"]
    assert body["checks"]["migrations"] == body["checks"]["beat"] == "unknown without the database"
    assert f"SQS at http://127.0.0.1:{closed_port} is not reachable" in body["checks"]["queue"]


def test_many_probes_at_once_share_one_check(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[int] = []

    def check() -> Readiness:
        checks.append(1)
        return Readiness(None, [], 1.0, [], True)

    monkeypatch.setattr(service_state, "readiness", BackgroundCache(check, keep_seconds=60))
    assert [readyz(client)[0] for _ in range(5)] == [200] * 5
    assert len(checks) == 1


@pytest.fixture
def closed_port() -> int:
    """A port that nothing listens on."""
    return free_port()
