"""Histograms that cost a request little: what was seen is kept, and added to the shared files each second."""

import atexit
import logging
import os
import threading
import time
from bisect import bisect_left
from collections import deque
from contextlib import suppress
from typing import Any

from prometheus_client import Histogram

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
MOST_KEPT = 100_000  # many seconds of a busy process: older ones are lost if nobody adds them up

Labels = tuple[str | int, ...]
Observation = tuple[Any, ...]  # the labels' values, then the amount: one flat tuple is the least to make


class BufferedHistogram:
    """The observations of this process on their way to a histogram's children, by label values.

    `observe((*labels, amount))` is all that a request waits for. Once started, what it gave is in the histogram's
    files within a second or so, or when the process ends by itself; kill -9 loses that.
    """

    def __init__(self, histogram: Histogram, buckets: tuple[float, ...]) -> None:
        self._histogram = histogram
        self._bounds = buckets
        self._seen: deque[Observation] = deque(maxlen=MOST_KEPT)
        self.observe = self._seen.append
        self._lock = threading.Lock()
        self._started = False
        os.register_at_fork(after_in_child=self._after_fork)

    def start(self) -> None:
        """Observations are written from now on, in this process and those that fork from it. Safe to repeat."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._run, name="tallies", daemon=True).start()
            atexit.register(self._leave)

    def write(self) -> None:
        """Everything observed before is in the histogram: a change for each bucket, however many fell in."""
        with self._lock:
            tallies: dict[Labels, list[float]] = {}
            for _ in range(len(self._seen)):
                *values, amount = self._seen.popleft()
                labels = tuple(values)
                tally = tallies.setdefault(labels, [0.0] * (len(self._bounds) + 2))
                tally[bisect_left(self._bounds, amount)] += 1
                tally[-1] += amount
            for labels, tally in tallies.items():
                child = self._histogram.labels(*labels)
                for bucket, count in zip(child._buckets, tally, strict=False):
                    if count:
                        bucket.inc(count)
                child._sum.inc(tally[-1])

    def _after_fork(self) -> None:
        self._seen.clear()  # the parent's, which writes them
        self._lock = threading.Lock()
        if self._started:
            self._started = False
            self.start()

    def _leave(self) -> None:
        with suppress(FileNotFoundError):  # the figures' folder is gone: nobody will read them
            self.write()

    def _run(self) -> None:
        while True:
            time.sleep(EVERY_SECONDS)
            try:
                self.write()
            except OSError as error:  # a full disk, a folder that is gone: figures are lost, requests are not
                logger.warning("figures of requests are lost: %s", error)
