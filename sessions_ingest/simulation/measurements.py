"""Counts and latencies of the simulated clients and services, recorded by many threads."""

import threading
from collections import Counter, defaultdict, deque

KEPT_LATENCIES = 100_000  # of each kind, the latest ones: enough for a p99, bounded however long it runs


class Measurements:
    """Counts since the start, and the latest latencies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self._latencies: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT_LATENCIES))

    def record_response(self, kind: str, seconds: float, *, ok: bool) -> None:
        """Records a response, or a failed request."""
        with self._lock:
            self.requests[kind] += 1
            self._latencies[kind].append(seconds)
            if not ok:
                self.errors[kind] += 1

    def record_sent(self, kind: str, number: int = 1) -> None:
        """Records messages that a queue accepted."""
        with self._lock:
            self.sent[kind] += number

    def percentiles(self, kind: str) -> tuple[float, float, float]:
        """p50, p95 and p99 in milliseconds of the latest latencies of this kind."""
        with self._lock:
            latencies = sorted(self._latencies[kind])
        if not latencies:
            return 0, 0, 0
        p50, p95, p99 = (
            1000 * latencies[min(len(latencies) - 1, int(len(latencies) * share))]
            for share in (0.5, 0.95, 0.99)
        )
        return p50, p95, p99
