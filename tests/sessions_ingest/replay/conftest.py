"""A consumer beside a replay."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from movies.outbox import bus
from sessions_ingest.consumer.database_handler import make_consumer
from tests.servers.queues import Queues


@pytest.fixture
def consuming(
    queues: Queues, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Queues]:
    """A consumer runs on the queues of the test; positions of replays are kept in a folder of the test."""
    settings.VAR_DIR = tmp_path / "var"
    monkeypatch.setattr(bus, "LONG_POLL_SECONDS", 1)  # its threads end after their last poll
    consumer = make_consumer()
    consumer.start()
    yield queues
    assert consumer.stop()
    for thread in consumer.threads:
        thread.join()
