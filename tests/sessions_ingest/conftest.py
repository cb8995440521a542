"""Queues of a private SQS server, the environment of a process on them, and a consumer for a while."""

from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from movies.outbox import bus
from sessions_ingest.consumer.database_handler import make_consumer
from sessions_ingest.consumer.receiver import Counts
from tests.servers.queues import Queues, SqsServer, bus_at
from tests.waiting import wait_until


@pytest.fixture
def private_bus(private_sqs: SqsServer, settings: Settings) -> Iterator[SqsServer]:
    """An SQS server that the test may stop and kill; the bus uses it, and the queues exist."""
    settings.QUEUE_VISIBILITY_SECONDS = 2
    with bus_at(private_sqs.url, settings):
        bus.ensure_queues()
        yield private_sqs


@pytest.fixture
def service_env(database_url: str, private_bus: SqsServer) -> dict[str, str]:
    """The environment of a process that uses this test's database and queues."""
    return {
        "DATABASE_URL": database_url,
        "AWS_ENDPOINT_URL_SQS": private_bus.url,
        "QUEUE_VISIBILITY_SECONDS": "2",
    }


@pytest.fixture
def drain(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Counts]:
    """Consumes until both queues of the test are empty, and stops; returns the counts."""
    monkeypatch.setattr(bus, "LONG_POLL_SECONDS", 1)  # its threads end after their last poll

    def drain() -> Counts:
        consumer = make_consumer()
        consumer.start()
        wait_until(lambda: bus.depth(queues.session.url) + bus.depth(queues.recs.url) == 0, seconds=30)
        assert consumer.stop()
        for thread in consumer.threads:
            thread.join()
        return consumer.counts()

    return drain
