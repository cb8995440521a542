"""New queues for each test, so that messages of one test never reach another."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pytest_django import Settings

from movies.outbox import bus


@dataclass(frozen=True)
class Queues:
    """The three queues of raw JSON messages, each with its dead-letter queue."""

    session: bus.Queue
    recs: bus.Queue
    changes: bus.Queue


@pytest.fixture
def queues(settings: Settings) -> Iterator[Queues]:
    """New, empty queues; SESSION_QUEUE, RECS_QUEUE and CHANGES_QUEUE name them during this test."""
    mark = uuid.uuid4().hex[:12]
    settings.SESSION_QUEUE = f"sessionData-{mark}"
    settings.RECS_QUEUE = f"userRecs-{mark}"
    settings.CHANGES_QUEUE = f"movieChanges-{mark}"
    made = bus.ensure_queues()
    yield Queues(*made)
    client = bus.shared_client()
    for queue in made:
        client.delete_queue(QueueUrl=queue.url)
        client.delete_queue(QueueUrl=queue.dead_url)
