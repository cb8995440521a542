"""A consumer that is stopped under load leaves no message invisible: what it received is applied or released."""

import random
import threading
from functools import partial

import pytest

from movies.outbox import bus
from tests.sessions_ingest.finishes import Finishes
from tests.sessions_ingest.processes import CONSUME, Process
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
STOPS = 4


@pytest.fixture
def long_visibility(private_bus: object) -> None:
    """A message that a consumer keeps does not come back during the test."""
    for name in ("sessionData", "userRecs"):
        bus.shared_client().set_queue_attributes(
            QueueUrl=bus.queue(name).url, Attributes={"VisibilityTimeout": "3600"}
        )


@pytest.fixture
def consumer_env(service_env: dict[str, str]) -> dict[str, str]:
    return {**service_env, "QUEUE_VISIBILITY_SECONDS": "3600"}


def consumed_by(consumer: Process, starts: int) -> bool:
    return consumer.output().count("Consuming") == starts


def assert_stops_with_its_batches_finished(consumer: Process, stops: int) -> None:
    assert consumer.stop(seconds=30) == 0
    assert consumer.output().count("Stopped:") == stops, consumer.output()  # else "with an unfinished batch"


def test_consumers_stopped_under_load_leave_no_message_invisible(
    consumer_env: dict[str, str], long_visibility: None
) -> None:
    finishes = Finishes(3_000)
    moments = random.Random()
    with Process(*CONSUME, env=consumer_env) as consumer:
        for stop in range(1, STOPS + 1):
            wait_until(partial(consumed_by, consumer, stop), seconds=60)
            threading.Event().wait(moments.uniform(0, 0.3))  # a random moment of the work
            assert_stops_with_its_batches_finished(consumer, stop)
            consumer.start()
        wait_until(lambda: finishes.waiting() == 0, seconds=100)
        assert consumer.stop(seconds=30) == 0
    finishes.assert_counted_once()
