"""Group commit: batches that threads bring at the same time are applied together."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Generic, TypeVar

from sessions_ingest.consumer import HandlerUnavailable

P = TypeVar("P")


class GroupCommit(Generic[P]):
    """Calls `apply` with everything that waits, one call at a time, in a thread of its own.

    A commit costs about the same for ten messages as for a hundred, two at once wait for the same rows, and
    one thread needs one database connection.
    """

    def __init__(self, apply: Callable[[list[P]], object], close: Callable[[], object]) -> None:
        self._apply, self._close = apply, close
        self._waiting: SimpleQueue[tuple[P, Future[None]] | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self, portion: P) -> None:
        """The portion is applied; or nothing of it is, and what `apply` raised for it is raised here.

        HandlerUnavailable concerns everybody. Any other error is of one portion, so each is applied alone then, and a
        portion that can be applied never shares the error of another.
        """
        done: Future[None] = Future()
        with self._starting:
            self._waiting.put((portion, done))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="apply", daemon=True)
                self._thread.start()
        done.result()

    def close(self) -> None:
        """Its thread has ended, and called `close`. Nothing may wait."""
        with self._starting:
            thread, self._thread = self._thread, None
            if thread:
                self._waiting.put(None)
        if thread:
            thread.join()

    def _work(self) -> None:
        while first := self._waiting.get():
            more = [self._waiting.get() for _ in range(self._waiting.qsize())]
            self._work_on([first, *filter(None, more)])
        self._close()

    def _work_on(self, together: list[tuple[P, Future[None]]]) -> None:
        try:
            self._apply([portion for portion, _ in together])
        except Exception as error:  # raised again by the threads whose portions they were
            if len(together) > 1 and not isinstance(error, HandlerUnavailable):
                for single in together:
                    self._work_on([single])
                return
            for _, done in together:
                done.set_exception(error)
        else:
            for _, done in together:
                done.set_result(None)
