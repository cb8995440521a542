"""Sets PostgreSQL's time-outs on the connections of web processes, whose few threads serve all requests.

The worker, beat and commands have none, because some of their work takes longer.
"""

import logging
import threading
from typing import Any

from django.conf import settings
from django.db import Error
from django.db.backends.signals import connection_created

logger = logging.getLogger(__name__)

# A pooler shares its server connections, so these settings would leak to its other clients. Behind a pooler the pid
# that the client knows differs from the server's, and then nothing is set.
SET_TIMEOUTS = """
SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false),
       set_config('idle_in_transaction_session_timeout', %s, false)
WHERE pg_backend_pid() = %s
"""


# Longest of all three on the connection of an event loop, because every client of the process waits for the loop.
LOOP_TIMEOUT_MS = 1_500

_loop_thread: int | None = None


def start(*, event_loop: bool = False) -> None:
    """From now on every new connection of this process has the WEB_..._TIMEOUT_MS.

    `event_loop`: the calling thread runs one, and its connection has at most LOOP_TIMEOUT_MS.
    """
    global _loop_thread  # noqa: PLW0603 - one for the process, like the signal
    _loop_thread = threading.get_ident() if event_loop else None
    connection_created.connect(set_timeouts, dispatch_uid="time-outs of web processes")


def set_timeouts(sender: Any, connection: Any, **more: Any) -> None:
    """Sets the time-outs on the connection, unless it goes through a pooler. One statement."""
    timeouts = [
        settings.WEB_STATEMENT_TIMEOUT_MS,
        settings.WEB_LOCK_TIMEOUT_MS,
        settings.WEB_IDLE_IN_TRANSACTION_TIMEOUT_MS,
    ]
    if threading.get_ident() == _loop_thread:
        timeouts = [min(limit or LOOP_TIMEOUT_MS, LOOP_TIMEOUT_MS) for limit in timeouts]  # 0: no limit
    try:
        with connection.cursor() as cursor:
            pid = connection.connection.get_backend_pid()
            cursor.execute(SET_TIMEOUTS, [*map(str, timeouts), pid])
            if not cursor.rowcount:
                logger.warning(
                    "The database is behind a pooler, so WEB_..._TIMEOUT_MS are not set: see docs/operations.md."
                )
    except Error:
        connection.close()  # no connection is used without its time-outs
        raise
