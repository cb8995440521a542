"""What an error of the database is about: the statement, a lock, or a database that is unavailable."""

from django.db import Error, InterfaceError, OperationalError

LOCK_NOT_AVAILABLE = "55P03"
# Classes of SQLSTATE that say that this server, or this connection, does not serve: connection exceptions, operator
# intervention (shutdown, crash, starting up), too many connections, a session ended for its silence.
UNAVAILABLE = ("08", "57P", "53300", "25P03")


def code_of(error: BaseException) -> str:
    """PostgreSQL's SQLSTATE of the error; empty when the server did not give one."""
    return str(getattr(error.__cause__, "pgcode", None) or "")


def is_lock_timeout(error: BaseException) -> bool:
    """Whether PostgreSQL gave up waiting for a lock."""
    return code_of(error) == LOCK_NOT_AVAILABLE


def is_unavailable(error: Error) -> bool:
    """Whether the database does not serve now, whatever the statement was."""
    code = code_of(error)
    if not code:
        return isinstance(error, OperationalError | InterfaceError)
    return code.startswith(UNAVAILABLE)
