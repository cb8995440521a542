"""Records activity without delaying requests: a bounded buffer, which a thread sends to Elasticsearch in bulk."""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence

from django.db import connections

from movies.foundation.background_threads import RetryingThread, at_exit
from movies.foundation.events import Activity
from tetraflix.analytics import shipping

logger = logging.getLogger(__name__)

CAPACITY = 20_000  # records in the buffer: about 10 MB, some ten seconds of a busy web process
BATCH = 1_000  # records in one request: 2 ms of the interpreter, which requests also need
EXIT_SECONDS = 2.0  # that a process waits at its exit for the buffer to be sent


class Recorder:
    """`record` never waits and never raises; records that do not fit into the buffer are dropped and counted.

    `ship` sends records and returns how many were refused; it raises shipping.UNAVAILABLE_ERRORS without an answer.
    `background`: a thread sends the buffer every second, full batches sooner; without it only `flush` does.
    """

    def __init__(
        self,
        ship: Callable[[Sequence[Activity], str], int],
        *,
        capacity: int = CAPACITY,
        background: bool = True,
    ) -> None:
        self._ship = ship
        self._capacity = capacity
        self._background = background
        self._reset()

    def _reset(self) -> None:
        self._records: deque[Activity] = deque()
        self._batch: tuple[str, list[Activity]] | None = None  # kept, under the same name, until it is sent
        self._sending = threading.Lock()
        self.thread = RetryingThread(
            "activity",
            self._round,
            finish=self.flush,
            unavailable=shipping.UNAVAILABLE_ERRORS,
            give_up=self._drop_batch,
        )
        self._started = False
        self._reported = 0  # how many of the dropped ones
        self._batches = 0
        self._prefix = f"{os.urandom(6).hex()}-{os.getpid()}"
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
        if not self._started and self._background:
            self._started = True
            self.thread.start()
        elif len(records) == BATCH:
            self.thread.wake_event.set()

    def flush(self) -> None:
        """Sends everything recorded before this call. Raises what `ship` raises, and then loses nothing."""
        while self._send():
            pass

    def stop(self) -> None:
        """Ends the thread; the buffer is sent if that takes less than EXIT_SECONDS."""
        self.thread.stop(seconds=EXIT_SECONDS)

    def after_fork(self) -> None:
        """Starts empty in a child process, which has no thread, and whose parent sends its own records."""
        self._reset()

    def _round(self, woken: bool) -> None:
        # Full batches, except for one each second: otherwise the few records that come during a request would be
        # sent at once, and so on without end.
        least = BATCH if woken else 1
        try:
            while self._send(least):
                least = BATCH
        finally:
            connections.close_all()  # those of this thread, which needs them seldom
            if self.dropped > self._reported:
                self._reported = self.dropped
                logger.warning("%s activity records dropped so far", self._reported)

    def _send(self, least: int = 1) -> bool:
        """Sends one batch, unless fewer than `least` records wait. Returns whether there may be more."""
        with self._sending:
            if self._batch is None:
                waiting = len(self._records)
                if waiting < least:
                    return False
                batch = [self._records.popleft() for _ in range(min(BATCH, waiting))]
                self._batches += 1
                self._batch = (f"{self._prefix}-{self._batches}", batch)
            name, batch = self._batch
            refused = self._ship(batch, name)
            self._batch = None
            self.refused += refused
            self.sent += len(batch) - refused
        return True

    def _drop_batch(self) -> None:
        with self._sending:
            if self._batch:
                self.dropped += len(self._batch[1])
                self._batch = None


recorder = Recorder(shipping.ship)
os.register_at_fork(after_in_child=recorder.after_fork)
at_exit(recorder.stop)
