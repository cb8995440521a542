"""The end of a Celery worker, which comes within a bounded time whatever its parts wait for."""

import faulthandler
import sys
from typing import Any

from celery import bootsteps

STOP_SECONDS = 15.0  # for tasks to end and acknowledgements to be sent; what is cut short is received again


class BoundedStop(bootsteps.StartStopStep):
    """From the first word of a shutdown the process has STOP_SECONDS; then it says where it hangs, and ends."""

    requires = ("celery.worker.components:Pool",)

    def close(self, parent: Any) -> None:
        # A thread without the interpreter: it also ends a process that hangs in its last destructors.
        faulthandler.dump_traceback_later(STOP_SECONDS, exit=True, file=sys.__stderr__ or sys.stderr)
