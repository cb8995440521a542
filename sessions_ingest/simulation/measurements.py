"""What the played clients and services did, and how long they waited: counted by many threads."""

import threading
from collections import Counter, defaultdict, deque

KEPT = 100_000  # of the latest waits of each kind: enough for a p99, bounded however long it runs


class Figures:
    """Counts and waits since the start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self._waits: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT))

    def answered(self, kind: str, seconds: float, *, well: bool) -> None:
        """A request was answered, or failed."""
        with self._lock:
            self.requests[kind] += 1
            self._waits[kind].append(seconds)
            if not well:
                self.errors[kind] += 1

    def went_out(self, kind: str, number: int = 1) -> None:
        """Messages were taken by a queue."""
        with self._lock:
            self.sent[kind] += number

    def percentiles(self, kind: str) -> tuple[float, float, float]:
        """p50, p95 and p99 in milliseconds of the latest waits of this kind."""
        with self._lock:
            waits = sorted(self._waits[kind])
        if not waits:
            return 0, 0, 0
        p50, p95, p99 = (
            1000 * waits[min(len(waits) - 1, int(len(waits) * share))] for share in (0.5, 0.95, 0.99)
        )
        return p50, p95, p99
