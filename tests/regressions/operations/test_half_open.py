"""Servers that take connections and never answer: probes and pages about them do not wait for them."""

import socket
import threading
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from pytest_django import Settings

from movies.outbox import bus
from tests.waiting import wait_until
from tetraflix.backoffice import dashboard
from tetraflix.health import background_cache, service_state
from tetraflix.health.background_cache import BackgroundCache


class Hanging:
    """A fetch that takes until `go` is set, and counts its calls."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        number = self.calls
        self.go.wait(60)
        return number


def test_a_caller_gets_the_old_value_while_a_fetch_hangs() -> None:
    """The fetch that hangs runs in a background thread, and there is one at a time."""
    fetch = Hanging()
    cache = BackgroundCache(fetch, keep_seconds=0)
    assert cache.get() is None
    fetch.go.set()
    wait_until(lambda: cache.get() is not None, seconds=60)
    fetch.go.clear()
    before = cache.get()
    assert [cache.get() for _ in range(3)] == [before] * 3
    assert fetch.calls <= (before or 0) + 1
    fetch.go.set()


def test_a_value_that_is_too_old_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was true half a minute ago says nothing about now."""
    fetch = Hanging()
    fetch.go.set()
    cache = BackgroundCache(fetch, keep_seconds=0)
    wait_until(lambda: cache.get() is not None, seconds=60)
    fetch.go.clear()
    monkeypatch.setattr(background_cache, "MAX_AGE_SECONDS", 0)
    assert cache.get() is None
    fetch.go.set()


def test_a_fetch_that_fails_does_not_end_the_thread() -> None:
    """The next one succeeds."""
    results: Iterator[str | Exception] = iter([ZeroDivisionError(), "fine"])

    def fetch() -> str:
        result = next(results, "fine")
        if isinstance(result, Exception):
            raise result
        return result

    cache = BackgroundCache(fetch, keep_seconds=0)
    wait_until(lambda: cache.get() == "fine", seconds=60)


@pytest.fixture
def half_open(settings: Settings) -> Iterator[None]:
    """SQS takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=1_000) as server:
        settings.SQS_ENDPOINT = f"http://127.0.0.1:{server.getsockname()[1]}"
        bus.quick_client.cache_clear()
        service_state.forget()
        yield
    bus.quick_client.cache_clear()
    service_state.forget()


@pytest.mark.usefixtures("half_open")
def test_probes_and_metrics_are_answered_while_sqs_hangs(transactional_db: None, client: Client) -> None:
    """The queue counts as down, the database as up."""
    wait_until(lambda: client.get("/readyz").status_code == 200, seconds=60)
    answer = client.get("/metrics").content.decode()
    assert 'tetraflix_up{part="queue"} 0.0' in answer
    assert 'tetraflix_up{part="database"} 1.0' in answer
    assert dashboard.dashboard_data(AnonymousUser())["queues"] is None
