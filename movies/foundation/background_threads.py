"""Threads beside the requests of a process: a circuit breaker's, work that is retried, and what an exit waits for."""

import contextlib
import logging
import threading
from collections.abc import Callable
from multiprocessing.util import Finalize

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0  # between two rounds of a RetryingThread
MAX_RETRY_SECONDS = 30.0  # between two attempts of it


class CircuitBreaker:
    """Closed while the server answers. After `trip()` it is open until `probe` succeeds in a background thread.

    Callers never probe, because each probe would take one of the few threads of a web process.
    `probe` raises while the server is unavailable, and returns within about a second.
    """

    def __init__(self, name: str, probe: Callable[[], object], *, every: float = 0.5) -> None:
        self.name = name
        self._probe = probe
        self._every = every  # seconds between two probes
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.open = False

    def trip(self, reason: object) -> None:
        """Opens the circuit, because the server did not answer. Returns at once."""
        with self._lock:
            if self.open or self._stopped.is_set():
                return
            self.open = True
        logger.warning("%s is unavailable, and is not asked until it is back: %s", self.name, reason)
        threading.Thread(target=self._probe_until_back, name=f"{self.name}-probe", daemon=True).start()

    def stop(self) -> None:
        """Stops probing for good."""
        self._stopped.set()

    def _probe_until_back(self) -> None:
        while not self._stopped.wait(self._every):
            try:
                self._probe()
            except Exception as error:  # any error means that the server is not back
                logger.debug("%s is still unavailable: %s", self.name, error)
                continue
            self.open = False
            logger.info("%s is back", self.name)
            return


def at_exit(action: Callable[[], object]) -> None:
    """Has this process call it before it ends by itself. For web workers, too, which atexit does not work for.

    granian forks them by multiprocessing, whose children run these finalizers alone.
    """
    Finalize(None, action, exitpriority=0)


class RetryingThread:
    """A thread that calls `work` every `intervals` INTERVAL_SECONDS, or after `wake_event`, and `finish` at its end.

    `work(woken)` raises one of the `unavailable` errors as long as it has to be tried again, after growing pauses.
    After any other error `give_up` is called, so that nothing that cannot work is tried for ever.

    A forked process has no thread; there the owner makes another of these.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[bool], object],
        *,
        finish: Callable[[], object],
        unavailable: tuple[type[Exception], ...],
        give_up: Callable[[], object],
        intervals: int = 1,
    ) -> None:
        self._name = name
        self._work = work
        self._finish = finish
        self._unavailable = unavailable
        self._give_up = give_up
        self._intervals = intervals
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.wake_event = threading.Event()

    def start(self) -> None:
        """Starts the thread unless it was started; returns at once."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            thread.start()
            self._thread = thread

    def stop(self, *, seconds: float) -> None:
        """Ends the thread; its last round is waited for up to so many seconds."""
        self._stop.set()
        self.wake_event.set()
        if self._thread:
            self._thread.join(seconds)

    def _run(self) -> None:
        pause = 0.0
        while not self._stop.is_set():
            woken = self.wake_event.wait(self._intervals * INTERVAL_SECONDS)
            self.wake_event.clear()
            try:
                self._work(woken)
                pause = 0.0
            except self._unavailable as error:
                if not pause:
                    logger.warning("%s: tried again until it works: %s", self._name, error)
                pause = min(2 * pause + INTERVAL_SECONDS, MAX_RETRY_SECONDS)
                self._stop.wait(pause)
            except Exception:
                logger.exception("%s: given up", self._name)
                self._give_up()
        with contextlib.suppress(*self._unavailable):
            self._finish()
