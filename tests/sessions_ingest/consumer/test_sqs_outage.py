"""An outage of SQS while messages drain: nothing is lost, and nothing counts twice."""

import json
from typing import Any

import pytest

from movies.models import View, ViewCount
from movies.outbox import bus
from tests.movies.factories import movie
from tests.servers.queues import SqsServer
from tests.sessions_ingest.bus_messages import dead_letters
from tests.sessions_ingest.processes import CONSUME, Process
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
USERS = 1_000
BATCH = 10


def waiting() -> int:
    return bus.depth(bus.queue("sessionData").url)


@pytest.mark.sqs_servers("embedded", "elasticmq")
def test_an_outage_of_sqs_loses_nothing_and_counts_nothing_twice(
    service_env: dict[str, str], private_bus: SqsServer
) -> None:
    watched = movie().id
    bodies = [
        json.dumps(
            {
                "userId": user,
                "events": [{"movie": {"id": watched}, "progress": 1, "timestamp": "2026-01-01T00:00:00Z"}],
            }
        )
        for user in range(1, USERS + 1)
    ]
    bodies[::BATCH] = [f"invalid {number}" for number in range(USERS // BATCH)]
    queue = bus.queue("sessionData")
    for start in range(0, USERS, BATCH):
        entries: list[Any] = [
            {"Id": str(number), "MessageBody": body}
            for number, body in enumerate(bodies[start : start + BATCH])
        ]
        bus.shared_client().send_message_batch(QueueUrl=queue.url, Entries=entries)
    with Process(*CONSUME, env=service_env) as consumer:
        wait_until(lambda: 0 < waiting() < USERS, seconds=60)
        private_bus.stop()  # keeps its messages
        consumer.wait_for("the queue is unavailable", seconds=60)
        private_bus.start()
        consumer.wait_for("the queue is available again", seconds=60)
        wait_until(lambda: waiting() == 0, seconds=120)
        assert consumer.stop(seconds=60) == 0
    counted = USERS - USERS // BATCH
    assert View.objects.count() == ViewCount.objects.get(movie_id=watched).views == counted
    assert {body for body, _ in dead_letters(queue)} == set(bodies[::BATCH])
