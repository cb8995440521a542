"""Measures how long after a finish the user is shown a new list, for a sample of finishes."""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sessions_ingest.simulation.client import Client, ServiceUnavailableError
from sessions_ingest.simulation.measurements import Measurements

POLL_SECONDS = 0.2
MAX_AWAITED = 4  # finishes at a time, so that the polls are few beside the sessions' own reads
GIVE_UP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Awaited:
    """A finish that was sent at `sent_at` (time.monotonic), when the user was shown `before`."""

    user_id: int
    before: tuple[int, ...]
    sent_at: float


class NewLists(threading.Thread):
    """Polls the lists of a few users who have finished a movie."""

    def __init__(self, client: Client, measurements: Measurements, stop: threading.Event) -> None:
        super().__init__(name="new lists", daemon=True)
        self._client, self._measurements, self._stop_event = client, measurements, stop
        self._lock = threading.Lock()
        self._awaited: list[Awaited] = []

    def watch(self, user_id: int, before: Iterable[int], sent_at: float) -> None:
        """Measures the time from `sent_at` until the user's list is another one than `before`, if there is room."""
        with self._lock:
            if len(self._awaited) < MAX_AWAITED:
                self._awaited.append(Awaited(user_id, tuple(before), sent_at))

    def run(self) -> None:
        while not self._stop_event.wait(POLL_SECONDS):
            self.poll()

    def poll(self) -> None:
        """Looks at the list of each awaited user once, and records those that are new, and those given up."""
        with self._lock:
            awaited = list(self._awaited)
        for one in awaited:
            try:
                recommended, _ = self._client.lists(one.user_id)
            except ServiceUnavailableError:  # already counted as an error
                continue
            waited = time.monotonic() - one.sent_at
            if is_new([movie["id"] for movie in recommended], one.before):
                self._measurements.record_new_list(waited)
            elif waited > GIVE_UP_SECONDS:
                self._measurements.record_new_list(None)
            else:
                continue
            with self._lock:
                self._awaited.remove(one)


def is_new(shown: Sequence[int], before: Sequence[int]) -> bool:
    """Whether more than removals leads from `before` to `shown`.

    A movie that was finished or started leaves the list as soon as the session is ingested; that is no new list.
    """
    rest = iter(before)
    return not all(movie in rest for movie in shown)
