"""Plays finishes through the queue of sessions, in the form of Events and in time order.

A queue that grows without limit would delay everybody's sessions, so the player waits while the queue is deep.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from movies.outbox import bus
from sessions_ingest.replay.movielens import Finishes
from sessions_ingest.replay.position import Position

WINDOW = 500  # finishes sent between two looks at the queue; the finishes of a user within it share messages
MAX_EVENTS = 50  # in a message
MAX_DEPTH = 1_000  # messages in the queue; the consumer needs about a second for them
WAIT_SECONDS = 0.05  # between two looks at a deep queue, or at the clock
STALLED_SECONDS = 120.0  # without any message consumed, or accepted by SQS


class Stalled(Exception):
    """Messages are not consumed, or not accepted; the message says what to do. The position is stored."""


@dataclass(frozen=True, slots=True)
class Player:
    """Plays the finishes from the stored position on."""

    queue_name: str
    finishes: Finishes
    position: Position
    stopped: threading.Event
    speed: float | None = (
        None  # seconds of the record played in a second; None: as fast as the queue takes them
    )
    progress: Callable[[int], None] = lambda sent: None  # called with how many are sent

    def play(self) -> int:
        """Sends the finishes until all are sent or `stopped` is set; returns how many are sent. Raises Stalled."""
        sent = min(self.position.read(), len(self.finishes))
        self.progress(sent)
        clock = _Clock(self.speed, self.finishes, sent)
        while sent < len(self.finishes) and not self.stopped.is_set():
            due = min(clock.due(), sent + WINDOW)
            if due <= sent:
                self.stopped.wait(WAIT_SECONDS)
                continue
            self._send(list(messages(self.finishes[sent:due])))
            sent = due
            self.position.write(sent)
            self.progress(sent)
            self._wait_for_the_queue()
        return sent

    def _send(self, bodies: Sequence[str]) -> None:
        queue = bus.queue(self.queue_name)
        for start in range(0, len(bodies), bus.MAX_BATCH_SIZE):
            entries = [
                _entry(queue, place, body)
                for place, body in enumerate(bodies[start : start + bus.MAX_BATCH_SIZE])
            ]
            until = time.monotonic() + STALLED_SECONDS
            while entries := self._refused(queue, entries):
                if time.monotonic() > until:
                    raise Stalled(f"SQS refuses messages for {queue.name}. Run the command again to go on.")
                time.sleep(WAIT_SECONDS)

    def _refused(self, queue: bus.Queue, entries: list[Any]) -> list[Any]:
        """Sends the entries; returns those that SQS did not accept."""
        answer = bus.shared_client().send_message_batch(QueueUrl=queue.url, Entries=entries)
        failed = {entry["Id"] for entry in answer.get("Failed", [])}
        return [entry for entry in entries if entry["Id"] in failed]

    def _wait_for_the_queue(self) -> None:
        url = bus.queue(self.queue_name).url
        lowest, since = bus.depth(url), time.monotonic()
        depth = lowest
        while depth > MAX_DEPTH and not self.stopped.wait(WAIT_SECONDS):
            depth = bus.depth(url)
            if depth < lowest:
                lowest, since = depth, time.monotonic()
            elif time.monotonic() - since > STALLED_SECONDS:
                raise Stalled(
                    f"{self.queue_name} has {depth:,} messages, and none was consumed for {STALLED_SECONDS:.0f} s:"
                    " does the worker run? `manage.py status` says. Run this command again to go on."
                )


class _Clock:
    """Which finishes are due, if a second of the clock is `speed` seconds of the record."""

    def __init__(self, speed: float | None, finishes: Finishes, sent: int) -> None:
        self._speed, self._times = speed, finishes.times
        self._first = int(finishes.times[sent]) if sent < len(finishes) else 0
        self._started = time.monotonic()

    def due(self) -> int:
        """How many finishes are due by now."""
        if self._speed is None:
            return len(self._times)
        reached = self._first + (time.monotonic() - self._started) * self._speed
        return int(self._times.searchsorted(reached, side="right"))


def messages(finishes: Finishes) -> Iterator[str]:
    """The finishes as bodies of session messages: by user, in order of each message's first finish."""
    events: dict[int, list[list[dict[str, Any]]]] = {}
    bodies: list[tuple[int, list[dict[str, Any]]]] = []
    columns = (column.tolist() for column in (finishes.user_ids, finishes.movie_ids, finishes.times))
    for user_id, movie_id, seconds in zip(*columns, strict=True):
        mine = events.setdefault(user_id, [])
        if not mine or len(mine[-1]) == MAX_EVENTS:
            mine.append([])
            bodies.append((user_id, mine[-1]))
        at = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        mine[-1].append({"movie": {"id": movie_id}, "progress": 1, "timestamp": at})
    for user_id, of_message in bodies:
        yield json.dumps({"userId": user_id, "events": of_message})


def _entry(queue: bus.Queue, place: int, body: str) -> dict[str, str]:
    entry = {"Id": str(place), "MessageBody": body}
    if queue.name.endswith(".fifo"):
        entry["MessageGroupId"] = str(json.loads(body)["userId"])
    return entry
