"""New queues for each test, so that messages of one test never reach another."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from pytest_django import Settings

from movies.outbox import bus
from tetraflix.health import service_state


class SqsServer(Protocol):
    """An SQS server that a test may stop and start again; its queues and messages are kept in `state_dir`."""

    state_dir: Path
    port: int

    @property
    def url(self) -> str: ...
    def start(self) -> str: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


@contextmanager
def bus_at(endpoint: str, settings: Settings) -> Iterator[None]:
    """The bus of this process uses another SQS server inside the block."""
    usual = settings.SQS_ENDPOINT
    settings.SQS_ENDPOINT = endpoint
    _forget_connections()
    try:
        yield
    finally:
        settings.SQS_ENDPOINT = usual
        _forget_connections()


def _forget_connections() -> None:
    for cached in (bus.shared_client, bus.quick_client, bus.queue):
        cached.cache_clear()


@dataclass(frozen=True)
class Queues:
    """The three queues of raw JSON messages, each with its dead-letter queue."""

    session: bus.Queue
    recs: bus.Queue
    changes: bus.Queue


@contextmanager
def new_queues(settings: Settings, *, suffix: str = "") -> Iterator[Queues]:
    """New, empty queues; SESSION_QUEUE, RECS_QUEUE, CHANGES_QUEUE and CELERY_QUEUE name them inside the block.

    Tasks that this process sends still go to the queue that the Celery app was configured with.
    """
    unique = uuid.uuid4().hex[:12]
    mark = f"{unique}{suffix}"
    settings.CELERY_QUEUE = f"celery-{unique}"
    settings.SESSION_QUEUE = f"sessionData-{mark}"
    settings.RECS_QUEUE = f"userRecs-{mark}"
    settings.CHANGES_QUEUE = f"movieChanges-{mark}"
    made = bus.ensure_queues()
    service_state.forget()  # the depths of the queues of another test
    yield Queues(*made)
    service_state.forget()
    client = bus.shared_client()
    for queue in (*made, bus.queue(settings.CELERY_QUEUE)):
        client.delete_queue(QueueUrl=queue.url)
        client.delete_queue(QueueUrl=queue.dead_url)


@pytest.fixture
def queues(bus_server: None, settings: Settings) -> Iterator[Queues]:
    """The standard queues of this test."""
    with new_queues(settings) as queues:
        yield queues
