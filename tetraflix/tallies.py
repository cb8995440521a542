"""Histograms that cost a request little: counted in lists, written to the shared files each second."""

import atexit
import threading
import time
from bisect import bisect_left
from contextlib import suppress

from prometheus_client import Histogram

EVERY_SECONDS = 1.0


class Tallies:
    """The observations of this process on their way to a histogram's children, by label values.

    They are in its files within two rounds, or when the process ends by itself; kill -9 loses those.
    """

    def __init__(self, histogram: Histogram, buckets: tuple[float, ...]) -> None:
        self._histogram = histogram
        self._bounds = buckets
        # of each child: how many fell under each bound, how many above all, their sum; now, and last round
        self._now: dict[tuple[str | int, ...], list[float]] = {}
        self._before: dict[tuple[str | int, ...], list[float]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def observe(self, labels: tuple[str | int, ...], amount: float) -> None:
        """Counted. No lock: a list's `+=` of a number gives no other thread the interpreter in between."""
        tally = self._now.get(labels)
        if tally is None:
            tally = self._now.setdefault(labels, [0.0] * (len(self._bounds) + 2))
            if self._thread is None or not self._thread.is_alive():  # it does not outlive a fork
                self._start()
        tally[bisect_left(self._bounds, amount)] += 1
        tally[-1] += amount

    def write(self) -> None:
        """What was observed before the last call is in the histogram: who was in `observe` then is out."""
        with self._lock:
            ready, self._before, self._now = self._before, self._now, {}
            for labels, tally in ready.items():
                child = self._histogram.labels(*labels)
                for bucket, count in zip(child._buckets, tally, strict=False):
                    if count:
                        bucket.inc(count)
                child._sum.inc(tally[-1])

    def write_all(self) -> None:
        """Everything is in the histogram."""
        self.write()
        self.write()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="tallies", daemon=True)
                self._thread.start()
                atexit.register(self._leave)

    def _leave(self) -> None:
        with suppress(FileNotFoundError):  # the figures' folder is gone: nobody will read them
            self.write_all()

    def _run(self) -> None:
        while True:
            time.sleep(EVERY_SECONDS)
            if self._now or self._before:
                self.write()
