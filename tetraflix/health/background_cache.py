"""A cached value that a background thread refreshes, so that no caller waits for a server that does not answer."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)
T = TypeVar("T")

MAX_AGE_SECONDS = 30.0  # an older value says nothing about now, unless its cache says otherwise
WAIT_SECONDS = 0.25  # for a refresh, which usually takes a tenth of it; after that the old value is returned
FIRST_WAIT_SECONDS = 1.5  # the same while there is no value yet


class BackgroundCache(Generic[T]):
    """The value that `fetch` returned last. `get` starts a refresh when the value is `keep_seconds` old.

    A web process has few threads for all requests, so a `fetch` that hangs must not run in one of them.
    """

    def __init__(
        self, fetch: Callable[[], T], *, keep_seconds: float, max_age_seconds: float | None = None
    ) -> None:
        self._fetch = fetch
        self._keep_seconds = keep_seconds
        self._max_age_seconds = max_age_seconds
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._fetching = False
        self._generation = 0
        self._started_at = self._fetched_at = float("-inf")
        self._value: T | None = None

    def get(self) -> T | None:
        """The value, at most `max_age_seconds` (MAX_AGE_SECONDS) old; None when no refresh has ended since."""
        with self._changed:
            self._start_if_due()
            seconds = WAIT_SECONDS if self._is_known() else FIRST_WAIT_SECONDS
            self._changed.wait_for(lambda: not self._fetching, seconds)
            return self._value if self._is_known() else None

    def latest(self) -> T | None:
        """The same without any wait: a value that is due is returned once more, and refreshed meanwhile."""
        with self._changed:
            self._start_if_due()
            return self._value if self._is_known() else None

    def clear(self) -> None:
        """The value is dropped, and so is that of a refresh which has started; the next `get` fetches another."""
        with self._changed:
            self._generation += 1
            self._started_at = self._fetched_at = float("-inf")

    def _start_if_due(self) -> None:
        if not self._fetching and time.monotonic() - self._started_at >= self._keep_seconds:
            self._started_at = time.monotonic()
            self._fetching = True
            self._changed.notify_all()
        if self._thread is None or not self._thread.is_alive():  # at first, and after a fork
            self._thread = threading.Thread(target=self._run, name="background cache", daemon=True)
            self._thread.start()

    def _is_known(self) -> bool:
        longest = MAX_AGE_SECONDS if self._max_age_seconds is None else self._max_age_seconds
        return time.monotonic() - self._fetched_at <= longest

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._fetching)
                generation = self._generation
            try:
                value, failed = self._fetch(), False
            except Exception:  # the thread must live
                logger.exception("a background refresh failed")
                failed = True
            with self._changed:
                if generation != self._generation:
                    continue  # cleared meanwhile: a caller may wait for a newer value
                if not failed:
                    self._value, self._fetched_at = value, time.monotonic()
                self._fetching = False
                self._changed.notify_all()
