"""Messages whose result is easy to know: each user finishes one movie, and every tenth message is invalid."""

import json
from typing import Any

from movies.models import View, ViewCount
from movies.outbox import bus
from tests.movies.factories import movie
from tests.sessions_ingest.bus_messages import dead_letters

BATCH = 10
FINISH = {"progress": 1, "timestamp": "2026-01-01T00:00:00Z"}


class Finishes:
    """`count` messages in the queue of sessions, from the moment it is made."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._queue = bus.queue("sessionData")
        self._movie = movie().id
        self._invalid = {f"invalid {first}" for first in range(0, count, BATCH)}
        for first in range(0, count, BATCH):
            entries: list[Any] = [
                {"Id": str(user), "MessageBody": self._session(user) if user > first else f"invalid {first}"}
                for user in range(first, first + BATCH)
            ]
            bus.shared_client().send_message_batch(QueueUrl=self._queue.url, Entries=entries)

    def _session(self, user: int) -> str:
        return json.dumps({"userId": user, "events": [{"movie": {"id": self._movie}, **FINISH}]})

    def waiting(self) -> int:
        """The messages that are in the queue, visible or not."""
        return bus.depth(self._queue.url)

    def assert_counted_once(self) -> None:
        expected = self.count - len(self._invalid)
        views = ViewCount.objects.get(movie_id=self._movie).views
        counted = (View.objects.count(), views)
        assert counted == (expected, expected), counted
        assert {body for body, _ in dead_letters(self._queue)} == self._invalid
