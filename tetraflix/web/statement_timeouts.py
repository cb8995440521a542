"""How long a web process lets PostgreSQL take: its one thread serves everybody, so no statement may hold it.

For web processes alone: the worker, beat and commands have work that takes longer.
"""

import logging
from typing import Any

from django.conf import settings
from django.db import Error
from django.db.backends.signals import connection_created

logger = logging.getLogger(__name__)

# Behind a pooler the server process is not ours alone, and its settings would be everybody's who comes after us.
# There the pid that the pooler gave us at the start is another one than the server's: nothing is set.
SET_TIMEOUTS = """
SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false),
       set_config('idle_in_transaction_session_timeout', %s, false)
WHERE pg_backend_pid() = %s
"""


def start() -> None:
    """Every connection that this process opens from now on has the WEB_..._TIMEOUT_MS."""
    connection_created.connect(set_timeouts, dispatch_uid="time-outs of web processes")


def set_timeouts(sender: Any, connection: Any, **more: Any) -> None:
    """The connection has the time-outs, unless it goes through a pooler. One statement."""
    timeouts = (
        settings.WEB_STATEMENT_TIMEOUT_MS,
        settings.WEB_LOCK_TIMEOUT_MS,
        settings.WEB_IDLE_IN_TRANSACTION_TIMEOUT_MS,
    )
    try:
        with connection.cursor() as cursor:
            pid = connection.connection.get_backend_pid()
            cursor.execute(SET_TIMEOUTS, [*map(str, timeouts), pid])
            if not cursor.rowcount:
                logger.warning(
                    "A pooler is in between, so WEB_..._TIMEOUT_MS are not set: see docs/operations.md."
                )
    except Error:
        connection.close()  # never one without its time-outs
        raise
