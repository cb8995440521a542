"""What PostgreSQL's error codes (SQLSTATE) mean to callers: the one module that knows them.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from enum import Enum

from django.db import Error, InterfaceError, OperationalError


class Condition(Enum):
    """A condition that some caller handles. The value is its codes, whole or as prefixes; the first match counts."""

    CONNECTION_LOST = ("08", "57P")  # connection failed; the server shuts down, crashed, or starts
    TOO_MANY_CONNECTIONS = ("53300",)
    OUT_OF_RESOURCES = ("53",)  # memory, disk
    STORAGE_FAILED = ("58",)  # input or output error of the server's disk
    IDLE_SESSION_ENDED = ("25P03",)  # idle_in_transaction_session_timeout
    STATEMENT_CANCELED = ("57014",)  # statement_timeout, or canceled by hand
    LOCK_NOT_AVAILABLE = ("55P03",)  # lock_timeout, NOWAIT
    CONFLICT = ("40001", "40P01")  # serialization failure, deadlock: a repetition may succeed
    ROLLED_BACK = ("40",)  # the other transaction rollbacks
    NOT_MIGRATED = ("42P01", "42703")  # undefined table, undefined column
    READ_ONLY = ("25006",)  # a standby, or default_transaction_read_only


# A full disk is not among them: work that fills it would fail the same the next time.
UNAVAILABLE = {Condition.CONNECTION_LOST, Condition.TOO_MANY_CONNECTIONS, Condition.IDLE_SESSION_ENDED}


def sqlstate(error: BaseException | None) -> str:
    """The code of the error or of the first of its causes that has one; empty when the server gave none."""
    while error is not None:
        if code := getattr(error, "pgcode", None):
            return str(code)
        error = error.__cause__
    return ""


def condition_of(error: BaseException) -> Condition | None:
    """The condition that the error's code stands for; None for any other code, and without a code."""
    code = sqlstate(error)
    return next((condition for condition in Condition if code.startswith(condition.value)), None)


def is_lock_timeout(error: BaseException) -> bool:
    """Whether PostgreSQL gave up waiting for a lock."""
    return condition_of(error) is Condition.LOCK_NOT_AVAILABLE


def is_unavailable(error: Error) -> bool:
    """Whether the server or the connection failed, whatever the statement was."""
    if not sqlstate(error):
        return isinstance(error, OperationalError | InterfaceError)
    return condition_of(error) in UNAVAILABLE
