"""Beat's scheduler: tasks are due by the database's clock, and beat leaves a heartbeat there."""

import logging
import time
from typing import Any

from celery import beat
from django.db import DatabaseError, InterfaceError, connection

from tetraflix.background import heartbeats, schedule

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0


class Scheduler(beat.Scheduler):
    """Sends the tasks that are due by schedule.py. Without the database none is: every task needs it, too.

    Celery's own keeps its times in a file, by this host's clock. Any number of these may run: each task is sent once.
    """

    _begun = False
    _signed = float("-inf")

    def tick(self, *args: Any, **kwargs: Any) -> float:
        try:
            if not self._begun:
                schedule.begin_anew()
                self._begun = True
            self._send(schedule.take_due(self._seconds()))
            if time.monotonic() - self._signed >= heartbeats.EVERY_SECONDS:
                heartbeats.sign("beat")
                self._signed = time.monotonic()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("nothing is sent without the database: %s", str(error).strip())
            connection.close()
            return heartbeats.EVERY_SECONDS / 2
        return TICK_SECONDS

    def _seconds(self) -> dict[str, float]:
        entries: dict[str, Any] = self.schedule
        return {entry.task: entry.schedule.run_every.total_seconds() for entry in entries.values()}

    def _send(self, names: list[str]) -> None:
        for place, name in enumerate(names):
            try:
                self.app.send_task(name, retry=False)
            except Exception as error:  # whatever it is: SQS is away, and these stay due
                logger.warning("%s is not sent: %s", name, error)
                schedule.put_back(names[place:])
                return
