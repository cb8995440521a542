"""The simulated sister service that reads the change feed, so that the demo's queue stays short."""

import json
import threading

import pytest

from movies.inventory import services
from movies.outbox import bus, publisher
from sessions_ingest.management.commands.simulate_traffic import changes_read
from sessions_ingest.simulation import changes_reader
from sessions_ingest.simulation.changes_reader import ChangesReader
from sessions_ingest.simulation.measurements import Measurements
from tests.movies.factories import movie
from tests.servers.queues import Queues
from tests.waiting import wait_until


@pytest.mark.django_db(transaction=True)
def test_it_reads_deletes_and_counts_what_was_published(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes_reader, "KEPT_SECONDS", 0)
    monkeypatch.setattr(changes_reader, "PAUSE_SECONDS", 0.01)
    for movie_id in range(1, 13):
        movie(f"Movie {movie_id}", movie_id=movie_id)
    services.hide_movies(actor="staff:x", movie_ids=[1, 2])
    publisher.publish(seconds=60)
    measurements, stop = Measurements(), threading.Event()
    reader = ChangesReader(queues.changes.name, measurements, stop)
    reader.start()
    wait_until(lambda: measurements.changes.total() >= 14, seconds=60)
    stop.set()
    reader.join(60)
    assert measurements.changes == {"added": 12, "deleted": 2}  # to a reader, a hidden movie is gone
    assert bus.depth(queues.changes.url) == 0
    assert changes_read(measurements) == " Changes of movies read: 14 (12 added, 2 deleted)."


@pytest.mark.django_db(transaction=True)
def test_a_new_change_is_left_to_others(queues: Queues) -> None:
    movie("Kahaani", movie_id=1)
    publisher.publish(seconds=60)
    reader = ChangesReader(queues.changes.name, Measurements(), threading.Event())
    wait_until(lambda: bus.depth(queues.changes.url) == 1, seconds=60)
    assert not reader.read()
    (message,) = bus.shared_client().receive_message(QueueUrl=queues.changes.url, WaitTimeSeconds=20)[
        "Messages"
    ]
    assert json.loads(message["Body"])["movieId"] == 1


def test_it_goes_on_after_an_error_and_counts_it(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_reader, "PAUSE_SECONDS", 0.01)
    measurements, stop = Measurements(), threading.Event()
    reader = ChangesReader("no-such-queue", measurements, stop)
    reader.start()
    wait_until(lambda: measurements.errors["change"] >= 2, seconds=60)
    stop.set()
    reader.join(60)
    assert not reader.is_alive()
    assert (
        changes_read(measurements)
        == f" Changes of movies read: 0; {measurements.errors['change']} reads failed."
    )


def test_nothing_is_said_where_nothing_was_read() -> None:
    assert changes_read(Measurements()) == ""
