"""Beat's scheduler: Celery's own, which also leaves a sign of life in the database."""

import logging
import time
from typing import Any

from celery.beat import PersistentScheduler
from django.db import DatabaseError, InterfaceError, connection

from tetraflix import heartbeats

logger = logging.getLogger(__name__)


class Scheduler(PersistentScheduler):
    """While it ticks, `heartbeats.age("beat")` stays below heartbeats.ALIVE_SECONDS."""

    _signed = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> float:
        wait = super().tick(*args, **kwargs)
        if time.monotonic() - self._signed >= heartbeats.EVERY_SECONDS:
            try:
                heartbeats.sign("beat")
            except (DatabaseError, InterfaceError) as error:  # the clock goes on without a database
                logger.warning("no sign of life left in the database: %s", error)
                connection.close()
            self._signed = time.monotonic()
        return min(wait, heartbeats.EVERY_SECONDS)
