"""Sets PostgreSQL's time-outs on the connections of web processes, whose few threads serve all requests.

The worker, beat and commands have none, because some of their work takes longer.
"""

import logging
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


def start() -> None:
    """From now on every new connection of this process has the WEB_..._TIMEOUT_MS."""
    connection_created.connect(set_timeouts, dispatch_uid="time-outs of web processes")


def set_timeouts(sender: Any, connection: Any, **more: Any) -> None:
    """Sets the time-outs on the connection, unless it goes through a pooler. One statement."""
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
                    "The database is behind a pooler, so WEB_..._TIMEOUT_MS are not set: see docs/operations.md."
                )
    except Error:
        connection.close()  # no connection is used without its time-outs
        raise
