"""A circuit breaker for a server that the service can do without: while it is away, nobody waits for it."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class CircuitBreaker:
    """Closed while the server answers. After `trip()` it is open until `probe` succeeds, in the background.

    No caller is used to try whether the server is back: with one thread a web process, each try would hold
    up every request behind it. `probe` raises while the server is away, and returns within about a second.
    """

    def __init__(self, name: str, probe: Callable[[], object], *, every: float = 0.5) -> None:
        self.name = name
        self._probe = probe
        self._every = every  # seconds between two probes
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.open = False

    def trip(self, reason: object) -> None:
        """The server did not answer: open from now on. Returns at once."""
        with self._lock:
            if self.open or self._stopped.is_set():
                return
            self.open = True
        logger.warning("%s is away, going on without it: %s", self.name, reason)
        threading.Thread(target=self._watch, name=f"{self.name}-probe", daemon=True).start()

    def stop(self) -> None:
        """Ends the watching, for good."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(self._every):
            try:
                self._probe()
            except Exception as error:  # whatever it is, the server is not back
                logger.debug("%s is still away: %s", self.name, error)
                continue
            self.open = False
            logger.info("%s is back", self.name)
            return
