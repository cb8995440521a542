"""Celery beat's scheduler: sends the tasks that are due by the database's clock, and records beat's heartbeat."""

import logging
import time
from typing import Any

from celery import beat
from django.db import DatabaseError, InterfaceError, connection

from tetraflix.background import heartbeats, schedule

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0


class Scheduler(beat.Scheduler):
    """Sends the tasks that are due by schedule.py; none without the database, because every task needs it, too.

    Celery's own scheduler keeps times in a file, by this host's clock. Of any number of these, one sends each task.
    """

    _started = False
    _heartbeat_at = float("-inf")

    def tick(self, *args: Any, **kwargs: Any) -> float:
        try:
            if not self._started:
                schedule.clear_pending()
                self._started = True
            self._send(schedule.claim_due(self._seconds()))
            if time.monotonic() - self._heartbeat_at >= heartbeats.INTERVAL_SECONDS:
                heartbeats.record("beat")
                self._heartbeat_at = time.monotonic()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("no task is sent, because the database is unavailable: %s", str(error).strip())
            connection.close()
            return heartbeats.INTERVAL_SECONDS / 2
        return TICK_SECONDS

    def _seconds(self) -> dict[str, float]:
        entries: dict[str, Any] = self.schedule
        return {entry.task: entry.schedule.run_every.total_seconds() for entry in entries.values()}

    def _send(self, names: list[str]) -> None:
        for place, name in enumerate(names):
            try:
                self.app.send_task(name, retry=False)
            except Exception as error:  # of any kind: SQS is unavailable, and the tasks stay due
                logger.warning("%s is not sent: %s", name, error)
                schedule.release(names[place:])
                return
