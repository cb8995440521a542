"""Counts and latencies of the simulated clients and services, recorded by many threads."""

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import Any

KEPT_LATENCIES = 100_000  # of each kind, the latest ones: enough for a p99, bounded however long it runs


class Measurements:
    """Counts since the start, and the latest latencies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()  # of movies, by action, as read from the change feed
        self.late_lists = 0  # finishes after which no new list was shown before the measurement gave up
        self._new_lists: deque[float] = deque(maxlen=KEPT_LATENCIES)
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

    def record_changes(self, bodies: Iterable[dict[str, Any]]) -> None:
        """Records changes of movies that a sister service has read."""
        with self._lock:
            self.changes.update(body["action"] for body in bodies)

    def record_change_error(self) -> None:
        """Records that the change feed could not be read."""
        with self._lock:
            self.errors["change"] += 1

    def record_new_list(self, seconds: float | None) -> None:
        """Records how long after a finish a new list was shown; None: too long to wait for."""
        with self._lock:
            if seconds is None:
                self.late_lists += 1
            else:
                self._new_lists.append(seconds)

    def percentiles(self, kind: str) -> tuple[float, float, float]:
        """p50, p95 and p99 in milliseconds of the latest latencies of this kind."""
        with self._lock:
            p50, p95, p99 = _percentiles(self._latencies[kind])
        return 1000 * p50, 1000 * p95, 1000 * p99

    def new_lists(self) -> tuple[int, float, float]:
        """The number of new lists that were seen after a finish, and p50 and p95 of the seconds until then."""
        with self._lock:
            p50, p95, _ = _percentiles(self._new_lists)
            return len(self._new_lists), p50, p95


def _percentiles(values: Iterable[float]) -> tuple[float, float, float]:
    """p50, p95 and p99; zeros without any value."""
    ordered = sorted(values) or [0.0]
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99))
    return p50, p95, p99
