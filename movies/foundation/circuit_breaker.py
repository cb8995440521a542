"""A circuit breaker for a server: while the server is unavailable, no caller waits for it."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


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
