"""Sends a task to the worker right after a change or a new bulk job is committed, without delaying the caller."""

import atexit
import logging
import threading
import time
from typing import Any

from structlog.contextvars import bind_contextvars

from tetraflix.celery import app
from tetraflix.observability import request_ids

logger = logging.getLogger(__name__)

EXIT_SECONDS = 2.0  # that a command which changed movies waits at its end for its task to be sent


class TaskWaker:
    """Sends one task from its own thread, at most once in `pause` seconds; several wakes meanwhile send it once.

    A lost wake (SQS unavailable, process killed) only costs time, because beat sends the task too.
    """

    def __init__(self, task: str, *, pause: float = 0.0) -> None:
        self._task = task
        self._pause = pause
        self._wanted = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._request_id = ""

    def wake(self, **signal: Any) -> None:
        """The task is to be sent. Returns at once, whatever the state of the queue. A receiver of signals."""
        self._request_id = request_ids.current()  # of several wakes, the last one's
        self._idle.clear()
        self._wanted.set()
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="wake", daemon=True)
                    self._thread.start()
                    atexit.register(self._idle.wait, EXIT_SECONDS)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            bind_contextvars(request_id=self._request_id)
            try:
                app.send_task(self._task, retry=False)
            except Exception as error:  # of any kind: beat sends the task a little later
                logger.warning("%s could not be sent, so beat will send it: %s", self._task, error)
            if not self._wanted.is_set():
                self._idle.set()
            time.sleep(self._pause)


# By name, because models are not loaded yet when this module is imported.
publisher_waker = TaskWaker("movies.tasks.publish_changes")
job_waker = TaskWaker("movies.tasks.run_jobs")
# Views are counted many times a second, and one task makes the lists of all users that changed meanwhile.
recommender_waker = TaskWaker("recommendations.tasks.recommend", pause=1.0)
old_lists_waker = TaskWaker("recommendations.tasks.recommend_again")
stopped_experiments_waker = TaskWaker("recommendations.tasks.count_stopped_again")
