"""Queues of a private SQS server, and the environment that leads a process to them."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from movies import bus
from tetraflix.embedded.sqs import EmbeddedSqs


def forget_connections() -> None:
    """The bus connects anew: the settings lead elsewhere now."""
    bus.shared_client.cache_clear()
    bus.queue.cache_clear()


@pytest.fixture
def private_bus(private_sqs: EmbeddedSqs, settings: Settings) -> Iterator[EmbeddedSqs]:
    """An SQS server that the test may stop and kill; the bus leads to it, and its queues are there."""
    settings.SQS_ENDPOINT = private_sqs.url
    settings.QUEUE_VISIBILITY_SECONDS = 2
    forget_connections()
    bus.ensure_queues()
    yield private_sqs
    forget_connections()


@pytest.fixture
def service_env(database_url: str, private_bus: EmbeddedSqs) -> dict[str, str]:
    """The environment of a process that works on this test's database and queues."""
    return {
        "DATABASE_URL": database_url,
        "AWS_ENDPOINT_URL_SQS": private_bus.url,
        "QUEUE_VISIBILITY_SECONDS": "2",
    }
