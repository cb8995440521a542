"""Records activity without delaying requests: a bounded buffer, which a thread sends to Elasticsearch in bulk."""

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

CAPACITY = 20_000  # records in the buffer: about 10 MB, some ten seconds of a busy web process
BATCH = 1_000  # records in one request: 2 ms of the interpreter, which requests also need
INTERVAL_SECONDS = 1.0  # between two requests; a full batch is sent sooner
MAX_RETRY_SECONDS = 30.0  # between two attempts while Elasticsearch is unavailable
EXIT_SECONDS = 2.0  # that a process waits at its exit for the buffer to be sent


class Recorder:
    """`record` never waits and never raises; records that do not fit into the buffer are dropped and counted.

    `ship` sends records and returns how many were refused; it raises shipping.UNAVAILABLE_ERRORS without an answer.
    `background`: a thread sends the buffer every INTERVAL_SECONDS or on `wake_event`; without it only `flush` does.
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
        self.wake_event = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
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
        if self._thread is None and self._background:
            self._start()
        elif len(records) == BATCH:
            self.wake_event.set()

    def flush(self) -> None:
        """Sends everything recorded before this call. Raises what `ship` raises, and then loses nothing."""
        while self._send():
            pass

    def stop(self) -> None:
        """Ends the thread; the buffer is sent if that takes less than EXIT_SECONDS."""
        self._stop.set()
        self.wake_event.set()
        if self._thread:
            self._thread.join(EXIT_SECONDS)

    def after_fork(self) -> None:
        """Starts empty in a child process, which has no thread, and whose parent sends its own records."""
        self._reset()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="activity", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        pause, reported = 0.0, 0
        while not self._stop.is_set():
            least = BATCH if self.wake_event.wait(INTERVAL_SECONDS) else 1
            self.wake_event.clear()
            try:
                # Full batches, except for one each INTERVAL_SECONDS: otherwise the few records that come during
                # a request would be sent at once, and so on without end.
                while self._send(least):
                    least = BATCH
                pause = 0.0
            except shipping.UNAVAILABLE_ERRORS as error:
                if not pause:
                    logger.warning("activity is not sent, and is dropped when the buffer is full: %s", error)
                pause = min(2 * pause + INTERVAL_SECONDS, MAX_RETRY_SECONDS)
                self._stop.wait(pause)
            except Exception:  # a record that cannot be sent must not end the thread
                logger.exception("activity was lost")
                self._drop_batch()
            finally:
                connections.close_all()  # those of this thread, which needs them seldom
            if self.dropped > reported:
                reported = self.dropped
                logger.warning("%s activity records dropped so far", reported)
        with contextlib.suppress(*shipping.UNAVAILABLE_ERRORS):
            self.flush()
        connections.close_all()

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
atexit.register(recorder.stop)
