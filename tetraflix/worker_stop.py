"""The end of a Celery worker, which comes within a bounded time whatever its parts wait for."""

import logging
import os
import threading
from typing import Any

from celery import bootsteps
from celery.platforms import EX_FAILURE

logger = logging.getLogger(__name__)

STOP_SECONDS = 15.0  # for tasks to end and acknowledgements to be sent; what is cut short is received again


class BoundedStop(bootsteps.StartStopStep):
    """From the first word of a shutdown the process has STOP_SECONDS, then it is ended."""

    requires = ("celery.worker.components:Pool",)

    def close(self, parent: Any) -> None:
        watchdog = threading.Timer(STOP_SECONDS, self._end)
        watchdog.daemon = True  # no reason to stay
        watchdog.start()

    def _end(self) -> None:
        logger.critical(
            "not stopped within %g s: ended; what was in hand will be received again", STOP_SECONDS
        )
        os._exit(EX_FAILURE)
