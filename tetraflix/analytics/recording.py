"""From a request to Elasticsearch without its waiting: a bounded buffer, emptied in bulk by a thread."""

import atexit
import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence

from django.db import connections

from movies.foundation.events import Activity
from tetraflix.analytics import shipping

logger = logging.getLogger(__name__)

CAPACITY = 20_000  # records a process holds at most: about 10 MB, some ten seconds of a busy web process
BATCH = 1_000  # records sent together: 2 ms of the interpreter, which requests want too
EVERY_SECONDS = 1.0  # between two sendings; a busy process sends sooner when a batch is full
LONGEST_PAUSE_SECONDS = 30.0  # between two tries while Elasticsearch is away
LAST_SECONDS = 2.0  # what a process that ends gives to the records it still holds


class Recorder:
    """`hear` never waits and never raises; what does not fit is dropped and counted.

    `ship` sends records and returns how many were refused; it raises `shipping.AWAY` when nobody answered.
    """

    def __init__(self, ship: Callable[[Sequence[Activity], str], int], *, capacity: int = CAPACITY) -> None:
        self._ship = ship
        self._capacity = capacity
        self._begin()

    def _begin(self) -> None:
        self._records: deque[Activity] = deque()
        self._in_hand: tuple[str, list[Activity]] | None = None  # kept until it is sent, under the same name
        self._sending = threading.Lock()
        self._wanted = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._batches = 0
        self._mark = f"{os.urandom(6).hex()}-{os.getpid()}"
        self.sent = 0
        self.refused = 0
        self.dropped = 0

    def record(self, activity: Activity) -> None:
        """One of movies.foundation.events.activity_subscribers."""
        records = self._records
        if len(records) >= self._capacity:
            self.dropped += 1
            return
        records.append(activity)
        if self._thread is None:
            self._start()
        elif len(records) == BATCH:
            self._wanted.set()

    def flush(self) -> None:
        """Everything heard before this call is sent. Raises what `ship` raises; then nothing is lost."""
        while self._send():
            pass

    def stop(self) -> None:
        """The thread ends; what is held is sent if that takes less than LAST_SECONDS."""
        self._stop.set()
        self._wanted.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(LAST_SECONDS)

    def after_fork(self) -> None:
        """A child process has neither the thread nor the right to the parent's records."""
        self._begin()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="activity", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        pause, told = 0.0, 0
        while not self._stop.is_set():
            least = BATCH if self._wanted.wait(EVERY_SECONDS) else 1
            self._wanted.clear()
            try:
                # Whole batches, but for one a quiet second: else the few that come meanwhile are sent by themselves,
                # and those that come meanwhile, without end.
                while self._send(least):
                    least = BATCH
                pause = 0.0
            except shipping.AWAY as error:
                if not pause:
                    logger.warning("activity waits, and is dropped when too much waits: %s", error)
                pause = min(2 * pause + EVERY_SECONDS, LONGEST_PAUSE_SECONDS)
                self._stop.wait(pause)
            except Exception:  # a record that cannot be sent must not end the recording
                logger.exception("activity was lost")
                self._lose_in_hand()
            finally:
                connections.close_all()  # this thread's: needed once in a while, and kept from nobody
            if self.dropped > told:
                told = self.dropped
                logger.warning("%s activity records dropped so far", told)
        with contextlib.suppress(*shipping.AWAY):
            self.flush()
        connections.close_all()

    def _send(self, least: int = 1) -> bool:
        """Sends one batch, unless fewer than `least` wait; whether there may be more."""
        with self._sending:
            if self._in_hand is None:
                waiting = len(self._records)
                if waiting < least:
                    return False
                batch = [self._records.popleft() for _ in range(min(BATCH, waiting))]
                self._batches += 1
                self._in_hand = (f"{self._mark}-{self._batches}", batch)
            name, batch = self._in_hand
            refused = self._ship(batch, name)
            self._in_hand = None
            self.refused += refused
            self.sent += len(batch) - refused
        return True

    def _lose_in_hand(self) -> None:
        with self._sending:
            if self._in_hand:
                self.dropped += len(self._in_hand[1])
                self._in_hand = None


recorder = Recorder(shipping.ship)
os.register_at_fork(after_in_child=recorder.after_fork)
atexit.register(recorder.stop)
