"""Ends a Celery worker within a bounded time after the request to shut down, even when a part of it hangs."""

import faulthandler
import sys
from typing import Any

from celery import bootsteps

SHUTDOWN_SECONDS = 15.0  # for tasks to end and acknowledgements to be sent; an aborted task is received again


class ShutdownDeadline(bootsteps.StartStopStep):
    """Gives a shutdown SHUTDOWN_SECONDS; then prints the stack of every thread and exits."""

    requires = ("celery.worker.components:Pool",)

    def close(self, parent: Any) -> None:
        # Its thread needs no interpreter, so it also ends a process that hangs while the interpreter shuts down.
        faulthandler.dump_traceback_later(SHUTDOWN_SECONDS, exit=True, file=sys.__stderr__ or sys.stderr)
