"""Servers that take connections and never answer: whoever asks about them is not held."""

import socket
import threading
from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from movies.outbox import bus
from tests.waiting import wait_until
from tetraflix.backoffice import dashboard
from tetraflix.health import background_check, probes, queue_depths, scrape
from tetraflix.health.background_check import Background


class Hanging:
    """A look that takes until `go` is set, and counts."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.looks = 0

    def __call__(self) -> int:
        self.looks += 1
        number = self.looks
        self.go.wait(60)
        return number


def test_whoever_asks_gets_the_last_answer_while_a_look_hangs() -> None:
    """The look that hangs is a thread's of its own, and there is one at a time."""
    look = Hanging()
    ask = Background(look, every=0)
    assert ask() is None
    look.go.set()
    wait_until(lambda: ask() is not None, seconds=60)
    look.go.clear()
    before = ask()
    assert [ask() for _ in range(3)] == [before] * 3
    assert look.looks <= (before or 0) + 1
    look.go.set()


def test_an_answer_that_is_too_old_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was true half a minute ago says nothing about now."""
    look = Hanging()
    look.go.set()
    ask = Background(look, every=0)
    wait_until(lambda: ask() is not None, seconds=60)
    look.go.clear()
    monkeypatch.setattr(background_check, "OLDEST_SECONDS", 0)
    assert ask() is None
    look.go.set()


def test_a_look_that_fails_does_not_end_the_thread() -> None:
    """The next one counts."""
    results: Iterator[str | Exception] = iter([ZeroDivisionError(), "fine"])

    def look() -> str:
        result = next(results, "fine")
        if isinstance(result, Exception):
            raise result
        return result

    ask = Background(look, every=0)
    wait_until(lambda: ask() == "fine", seconds=60)


@pytest.fixture
def half_open(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """SQS takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=1_000) as server:
        settings.SQS_ENDPOINT = f"http://127.0.0.1:{server.getsockname()[1]}"
        bus.quick_client.cache_clear()
        probes.looked.forget()
        for module in (dashboard, scrape):
            monkeypatch.setattr(module, "queue_sizes", queue_depths.QueueDepths())
        yield
    bus.quick_client.cache_clear()
    probes.looked.forget()


@pytest.mark.usefixtures("half_open")
def test_probes_and_metrics_are_answered_while_sqs_hangs(transactional_db: None, client: Client) -> None:
    """And say so."""
    wait_until(
        lambda: client.get("/readyz").json()["checks"]["queue"].startswith("SQS at http://127.0.0.1:"),
        seconds=60,
    )
    answer = client.get("/metrics").content.decode()
    assert 'tetraflix_up{part="queue"} 0.0' in answer
    assert 'tetraflix_up{part="database"} 1.0' in answer
    assert dashboard.figures()["queues"] is None
