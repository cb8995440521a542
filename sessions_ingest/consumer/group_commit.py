"""Group commit: one thread applies the batches of all receivers that are waiting in one transaction."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Generic, TypeVar

from sessions_ingest.consumer.protocols import HandlerUnavailable

B = TypeVar("B")  # a batch
R = TypeVar("R")  # what applying it did

# What a batch waits for others. A message is milliseconds later, and a transaction has a third more of them.
GATHER_SECONDS = 0.008


def _gather() -> None:
    time.sleep(GATHER_SECONDS)


class GroupCommit(Generic[B, R]):
    """Calls `apply` with all waiting batches, one call at a time, in its own thread; `close` when that thread ends.

    `apply` returns what became of each batch. `gather` lets more batches arrive before each call.

    A commit costs about the same for a hundred messages as for ten, concurrent transactions would lock the same
    rows, and one thread needs one database connection.
    """

    def __init__(
        self,
        apply: Callable[[list[B]], Sequence[R]],
        close: Callable[[], object],
        gather: Callable[[], object] = _gather,
    ) -> None:
        self._apply, self._close, self._gather = apply, close, gather
        self._waiting: SimpleQueue[tuple[B, Future[R]] | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def commit(self, batch: B) -> R:
        """Blocks until the batch is committed, and returns its outcome.

        Raises what `apply` raised for it, with none of it committed.

        HandlerUnavailable concerns every batch of the group. After any other error each batch is applied alone,
        so that a batch never fails because of another one.
        """
        done: Future[R] = Future()
        with self._starting:
            self._waiting.put((batch, done))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="apply", daemon=True)
                self._thread.start()
        return done.result()

    @property
    def waiting(self) -> int:
        """How many batches wait for the next call of `apply`."""
        return self._waiting.qsize()

    def close(self) -> None:
        """Ends the thread. No batch may be waiting; a later `commit` starts a new thread."""
        with self._starting:
            thread, self._thread = self._thread, None
            if thread:
                self._waiting.put(None)
        if thread:
            thread.join()

    def _run(self) -> None:
        while first := self._waiting.get():
            self._gather()
            more = [self._waiting.get() for _ in range(self._waiting.qsize())]
            self._commit([first, *filter(None, more)])
        self._close()

    def _commit(self, group: list[tuple[B, Future[R]]]) -> None:
        try:
            outcomes = self._apply([batch for batch, _ in group])
        except Exception as error:  # raised again in the threads that wait for these batches
            if len(group) > 1 and not isinstance(error, HandlerUnavailable):
                for single in group:
                    self._commit([single])
                return
            for _, done in group:
                done.set_exception(error)
        else:
            for (_, done), outcome in zip(group, outcomes, strict=True):
                done.set_result(outcome)
