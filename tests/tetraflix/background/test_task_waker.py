"""A committed change wakes the publisher, and never waits for it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import Settings

from movies.foundation.events import inventory_changed
from movies.inventory.services import add_movie
from movies.models import MovieChange
from movies.outbox import publisher
from tests.movies.outbox.changes_reader import inventory, read, take
from tests.servers.queues import Queues
from tests.waiting import wait_until
from tetraflix.background import task_waker
from tetraflix.background.task_waker import TaskWaker
from tetraflix.observability import request_ids

pytestmark = pytest.mark.django_db(transaction=True)

DRAMA = [0] * 4 + [100] + [0] * 10


class SlowBroker:
    """Stands in for Celery: sending takes until `go`, then fails, as while SQS is unavailable."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.sent: list[str] = []

    def send_task(self, name: str, **options: object) -> None:
        self.go.wait(10)
        self.sent.append(request_ids.current())
        raise ConnectionError("SQS is unavailable")


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowBroker]:
    broker = SlowBroker()
    waker = TaskWaker("movies.tasks.publish_changes")
    monkeypatch.setattr(task_waker, "app", broker)
    inventory_changed.disconnect(dispatch_uid="wake the change feed")
    inventory_changed.connect(waker.wake)
    yield broker
    broker.go.set()
    inventory_changed.disconnect(waker.wake)
    inventory_changed.connect(task_waker.publisher_waker.wake, dispatch_uid="wake the change feed")


def test_a_change_commits_at_once_while_the_queue_is_unavailable(broker: SlowBroker) -> None:
    started = time.monotonic()
    for number in range(20):
        add_movie(actor="test", title=f"Movie {number}", profile=DRAMA)
    assert time.monotonic() - started < 5
    assert broker.sent == []
    broker.go.set()
    wait_until(lambda: broker.sent != [])


def test_concurrent_changes_wake_the_publisher_once_or_twice(broker: SlowBroker) -> None:
    for number in range(20):
        add_movie(actor="test", title=f"Movie {number}", profile=DRAMA)
    broker.go.set()
    wait_until(lambda: len(broker.sent) == 2)  # the one being sent, and one for all later changes


def test_a_wake_after_a_failed_one_is_sent(broker: SlowBroker) -> None:
    broker.go.set()
    add_movie(actor="test", title="First", profile=DRAMA)
    wait_until(lambda: len(broker.sent) == 1)
    add_movie(actor="test", title="Second", profile=DRAMA)
    wait_until(lambda: len(broker.sent) == 2)


def test_a_change_that_is_rolled_back_wakes_no_publisher(broker: SlowBroker) -> None:
    broker.go.set()
    with transaction.atomic():
        add_movie(actor="test", title="Never", profile=DRAMA)
        transaction.set_rollback(True)
    add_movie(actor="test", title="Kept", profile=DRAMA)
    wait_until(lambda: len(broker.sent) == 1)
    assert MovieChange.objects.count() == 1


@pytest.fixture
def worker(
    queues: Queues, database_url: str, settings: Settings, open_folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker on this test's database and queues, which is ready when the test begins."""
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "CHANGES_QUEUE": settings.CHANGES_QUEUE,
        "CONSUME_IN_WORKER": "0",
    }
    log = open_folder / "worker.log"
    words = "-m celery -A tetraflix worker --without-gossip --without-mingle --without-heartbeat"
    with log.open("wb") as file:
        worker = subprocess.Popen([sys.executable, *words.split()], env=environment, stderr=file, stdout=file)
    wait_until(lambda: b" ready." in log.read_bytes(), seconds=30)
    yield worker
    worker.terminate()
    worker.wait(15)


def test_a_change_is_on_the_bus_soon_after_its_commit(
    worker: subprocess.Popen[bytes], queues: Queues
) -> None:
    add_movie(actor="test", title="Soon", profile=DRAMA)
    wait_until(lambda: publisher.outbox_lag() == (0, 0.0), seconds=20)
    assert read(take(queues.changes.url)) == inventory()
