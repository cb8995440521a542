"""Locks that PostgreSQL holds until a transaction ends: no process that dies, and no pooler, can keep one.

Work that lasts longer than a transaction takes a lease instead (leases.py).
"""

import hashlib

from django.db import OperationalError, connection

from movies.foundation.database_errors import is_lock_timeout

# Keys of advisory locks, in one place, so that no two purposes share one.
BULK_CHANGE = 4_201_712  # a bulk change of the inventory is under way; other changes take it shared
PUBLISHER = 4_201_713  # the change feed sends: one publisher at a time, in all processes
LONGEST_SILENCE = "5min"  # a chunk of changes whose every request to SQS takes 30 s


class Taken(Exception):
    """Another transaction holds the lock."""


def take(key: int, *, seconds: float) -> None:
    """The lock is held until the transaction ends. Raises Taken when others hold it for `seconds` longer.

    After Taken the transaction can only be rolled back.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', %s, true))"
                " SELECT pg_advisory_xact_lock(%s) FROM patience",
                [f"{max(1, round(seconds * 1000))}ms", key],
            )
            cursor.execute("SET LOCAL lock_timeout = DEFAULT")
    except OperationalError as error:
        if not is_lock_timeout(error):
            raise
        raise Taken(f"another transaction holds lock {key}") from error


def try_take(key: int) -> bool:
    """Whether the lock is held now, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        return bool(cursor.fetchone()[0])


def end_when_silent() -> None:
    """The transaction, and its locks, end when this process sends nothing for LONGEST_SILENCE.

    PostgreSQL notices at once that a process was killed, but for hours not that its machine is gone.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{LONGEST_SILENCE}'")


def key_of(*parts: object) -> int:
    """The key of a lock on one thing, like the job of an id."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
