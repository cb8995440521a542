"""What probes are told, and how soon."""

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
from tetraflix.health import background_check, probes


@pytest.fixture(autouse=True)
def _not_of_the_last_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(background_check, "FIRST_SECONDS", 60)  # a busy machine is no reason not to know
    probes.looked.forget()
    yield
    probes.looked.forget()


def readyz(client: Client) -> tuple[int, dict[str, Any]]:
    response = client.get("/readyz")
    return response.status_code, response.json()


def test_a_process_that_answers_is_alive_whatever_else_is_away(client: Client) -> None:
    # no database mark: a statement would fail this test
    response = client.get("/healthz", headers={"host": "10.1.2.3"})
    assert (response.status_code, response.json()) == (200, {"alive": True})


@pytest.mark.usefixtures("transactional_db", "queues")
def test_ready_when_all_that_is_needed_is_there(client: Client) -> None:
    heartbeats.sign("beat")
    ok = {"database": "ok", "migrations": "ok", "beat": "ok", "queue": "ok"}
    assert readyz(client) == (200, {"ready": True, "checks": ok})


@pytest.mark.usefixtures("transactional_db", "queues")
def test_not_ready_while_beat_is_silent(client: Client) -> None:
    status, body = readyz(client)
    assert (status, body["ready"], body["checks"]["database"]) == (503, False, "ok")
    assert body["checks"]["beat"] == "no sign of life ever: celery -A tetraflix beat does not run"

    heartbeats.sign("beat")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tetraflix_heartbeat SET at = now() - interval '100 seconds'")
    probes.looked.forget()
    assert "no sign of life for 100 s" in readyz(client)[1]["checks"]["beat"]


@pytest.mark.usefixtures("transactional_db")
def test_not_ready_while_a_migration_is_not_applied(client: Client, queues: Queues) -> None:
    heartbeats.sign("beat")
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
    heartbeats.sign("beat")
    settings.RECS_QUEUE = "never-made"
    status, body = readyz(client)
    assert status == 503
    assert body["checks"]["queue"] == "missing: never-made; run manage.py ensure_queues"


def test_not_ready_while_database_and_queue_are_away(
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
    assert body["checks"]["migrations"] == body["checks"]["beat"] == "not known without the database"
    assert f"SQS at http://127.0.0.1:{closed_port} is not reachable" in body["checks"]["queue"]


def test_many_probes_at_once_are_one_look(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def look() -> dict[str, str]:
        looks.append(1)
        return {}

    monkeypatch.setattr(probes, "looked", background_check.Background(look, every=60))
    assert [readyz(client)[0] for _ in range(5)] == [200] * 5
    assert len(looks) == 1


@pytest.fixture
def closed_port() -> int:
    """A port that nothing listens on."""
    return free_port()
