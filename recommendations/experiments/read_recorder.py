"""Records first reads of lists without delaying requests: a bounded buffer, which a thread writes to the log."""

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime

from django.db import InterfaceError, OperationalError, ProgrammingError, connections

from movies.foundation.background_threads import RetryingThread, at_exit
from recommendations.experiments import read_log
from recommendations.experiments.read_log import Lost
from recommendations.list_reads import FirstRead, first_read_subscribers
from recommendations.stores.base import StoreUnavailable

logger = logging.getLogger(__name__)

CAPACITY = 10_000  # reads in the buffer: about 20 MB
BATCH = 500  # reads in one transaction: some milliseconds of the interpreter, which requests also need
EXIT_SECONDS = 2.0  # that a process waits at its exit for the buffer to be written
# ProgrammingError: the process started before the migrations
UNAVAILABLE_ERRORS = (OperationalError, InterfaceError, ProgrammingError, StoreUnavailable)

Key = tuple[int, datetime]  # the user's id, and as of when the list is
Count = Callable[[str, int], object]  # of "found", "logged" and "lost" reads, how many more


class ReadRecorder:
    """`record` never waits and never raises; reads that do not fit into the buffer are lost and counted.

    Nothing is lost while PostgreSQL or the store of lists is unavailable for a short time: the buffer waits. The
    list of a lost read stays unread, so its next read is recorded. So it is for the last second of a killed process.
    """

    def __init__(
        self,
        *,
        write: Callable[[Collection[FirstRead]], object] = read_log.write,
        add_lost: Callable[[Mapping[date, Lost]], object] = read_log.add_lost,
        count: Count = lambda state, number: None,
        capacity: int = CAPACITY,
    ) -> None:
        self._write = write
        self._add_lost = add_lost
        self._count = count
        self._capacity = capacity
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()  # held for moments: only the thread waits for servers
        self._waiting: dict[
            Key, FirstRead
        ] = {}  # a read stays here until it is written: others of it are the same
        self._lost: dict[date, Lost] = {}  # not stored yet
        self._last_lost = 0  # second since 1970
        self._found, self._counted = 0, {"found": 0, "logged": 0, "lost": 0}
        self.logged = 0
        self.lost = 0
        self.thread = RetryingThread(
            "list reads",
            self._round,
            finish=self._finish,
            unavailable=UNAVAILABLE_ERRORS,
            give_up=self._lose_batch,
        )

    def record(self, read: FirstRead) -> None:
        """One of list_reads.first_read_subscribers."""
        key = read.user_id, read.made_at
        with self._lock:
            if key in self._waiting:
                return
            self._found += 1
            if len(self._waiting) < self._capacity:
                self._waiting[key] = read
            else:
                self._lose(1)
            if len(self._waiting) == BATCH:
                self.thread.wake_event.set()
            self.thread.start()

    def flush(self) -> None:
        """Writes everything recorded so far. Raises UNAVAILABLE_ERRORS, and then keeps what is not written."""
        while batch := self._batch():
            self._write(batch.values())
            with self._lock:
                for key in batch:
                    del self._waiting[key]
            self.logged += len(batch)
        with self._lock:
            lost = self._lost
            self._lost = {}
        if lost:
            try:
                self._add_lost(lost)
            except BaseException:
                with self._lock:
                    for day, known in lost.items():
                        self._add(day, *known)
                raise

    def stop(self) -> None:
        """Ends the thread; the buffer is written if that takes less than EXIT_SECONDS."""
        self.thread.stop(seconds=EXIT_SECONDS)

    def after_fork(self) -> None:
        """Starts empty in a child process, which has no thread, and whose parent writes its own reads."""
        self._reset()

    def _round(self, woken: bool) -> None:
        idle, failed = not self._waiting, True
        try:
            self.flush()
            failed = False
        finally:
            if idle or failed:  # a failure may be the connection's
                connections.close_all()  # those of this thread
            self._report()

    def _finish(self) -> None:
        try:
            self.flush()
        finally:
            connections.close_all()
            self._report()

    def _batch(self) -> dict[Key, FirstRead]:
        with self._lock:
            return dict(itertools.islice(self._waiting.items(), BATCH))

    def _lose_batch(self) -> None:
        batch = self._batch()
        with self._lock:
            for key in batch:
                del self._waiting[key]
            self._lose(len(batch))

    def _lose(self, reads: int) -> None:
        now = int(time.time())
        self._add(datetime.fromtimestamp(now, UTC).date(), reads, int(now != self._last_lost))
        self._last_lost = now
        self.lost += reads

    def _add(self, day: date, reads: int, seconds: int) -> None:
        known = self._lost.get(day, Lost(0, 0))
        self._lost[day] = Lost(known.reads + reads, known.seconds + seconds)

    def _report(self) -> None:
        now = {"found": self._found, "logged": self.logged, "lost": self.lost}
        before, self._counted = self._counted, now
        for state, number in now.items():
            self._count(state, number - before[state])
        if now["lost"] > before["lost"]:
            logger.warning("%s reads of lists lost so far, which next reads make good", now["lost"])


def start(count: Count) -> None:
    """From now on the first reads of lists that this process serves are logged."""
    recorder = ReadRecorder(count=count)
    os.register_at_fork(after_in_child=recorder.after_fork)
    at_exit(recorder.stop)
    first_read_subscribers.append(recorder.record)
