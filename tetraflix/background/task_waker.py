"""Wakes the worker: for the change feed after each committed change, for bulk jobs. Nobody waits for it."""

import atexit
import logging
import threading
from typing import Any

from structlog.contextvars import bind_contextvars

from tetraflix.celery import app
from tetraflix.observability import request_ids

logger = logging.getLogger(__name__)

EXIT_PATIENCE = 2.0  # seconds that a command which changed movies waits at its end for the wake to leave


class Waker:
    """Sends a task from a thread of its own: many wakes that come together are one task.

    A wake that is lost (SQS away, process killed) costs nothing but time: beat sends the task too.
    """

    def __init__(self, task: str) -> None:
        self._task = task
        self._wanted = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._request_id = ""

    def wake(self, **signal: Any) -> None:
        """Returns at once, whatever state the queue is in. A receiver of signals."""
        self._request_id = request_ids.current()  # of several that come together, the last
        self._idle.clear()
        self._wanted.set()
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="wake", daemon=True)
                    self._thread.start()
                    atexit.register(self._idle.wait, EXIT_PATIENCE)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            bind_contextvars(request_id=self._request_id)
            try:
                app.send_task(self._task, retry=False)
            except Exception as error:  # whatever it is: beat sends the task a little later
                logger.warning("%s is not sent, beat will: %s", self._task, error)
            if not self._wanted.is_set():
                self._idle.set()


# By name: the tasks' models are not loaded yet where this is.
waker = Waker("movies.tasks.publish_changes")
job_waker = Waker("movies.tasks.run_jobs")
