"""Progress of a running job, written for its page while the job's own transaction is still open."""

import logging
import time
from collections.abc import Callable

from django.db import Error, connection

from movies.models import Job

logger = logging.getLogger(__name__)

REPORT_EVERY_SECONDS = 0.5

Progress = Callable[[int], None]  # called with how much is done


class Reporter:
    """Writes a job's progress on a connection of its own, because its transaction shows nothing before it commits.

    A report that fails is logged and skipped: the work goes on.
    """

    def __init__(self, job: Job, progress: Progress) -> None:
        self._job_id, self._progress = job.pk, progress
        self.done, self.total = 0, job.total
        self._last, self._connection = time.monotonic(), connection.copy()

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def __call__(self, done: int) -> None:
        """Reports how much of the total is done."""
        self.done = done
        self._progress(done)
        if time.monotonic() - self._last >= REPORT_EVERY_SECONDS:
            self._write()

    def set_total(self, total: int) -> None:
        """Sets the exact size of the work."""
        self.total = total
        self._write()

    def _write(self) -> None:
        self._last = time.monotonic()
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE movies_job SET done = %s, total = %s, updated = now() WHERE id = %s",
                    [self.done, self.total, self._job_id],
                )
        except Error as error:
            logger.warning("job %s: its progress could not be written: %s", self._job_id, error)
