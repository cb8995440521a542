"""Answers that take long, or for ever when a server is half-open: a thread looks, and whoever asks does not wait."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)
T = TypeVar("T")

OLDEST_SECONDS = 30.0  # an older answer says nothing about now
PATIENCE_SECONDS = 0.25  # a look takes a tenth of it while all is well; then the last answer has to do
FIRST_SECONDS = 2.0  # the same where there is no answer yet


class Background(Generic[T]):
    """What `look` said last. Each call makes a thread look again, at most once in `every` seconds.

    A web process has one thread for everybody: a look that hangs must never be its.
    """

    def __init__(self, look: Callable[[], T], *, every: float) -> None:
        self._look = look
        self._every = every
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._looking = False
        self._begun = self._answered = float("-inf")
        self._answer: T | None = None

    def __call__(self) -> T | None:
        """The answer, OLDEST_SECONDS old at most; None when no look has ended since."""
        with self._changed:
            if not self._looking and time.monotonic() - self._begun >= self._every:
                self._begun = time.monotonic()
                self._looking = True
                self._changed.notify_all()
            if self._thread is None or not self._thread.is_alive():  # at first, and after a fork
                self._thread = threading.Thread(target=self._run, name="background look", daemon=True)
                self._thread.start()
            patience = PATIENCE_SECONDS if self._known() else FIRST_SECONDS
            self._changed.wait_for(lambda: not self._looking, patience)
            return self._answer if self._known() else None

    def forget(self) -> None:
        """The next call looks again, and knows nothing else."""
        with self._changed:
            self._begun = self._answered = float("-inf")

    def _known(self) -> bool:
        return time.monotonic() - self._answered <= OLDEST_SECONDS

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._looking)
            try:
                answer = self._look()
            except Exception:  # the thread must live
                logger.exception("a look failed")
            else:
                self._answer, self._answered = answer, time.monotonic()
            with self._changed:
                self._looking = False
                self._changed.notify_all()
