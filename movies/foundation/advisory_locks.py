"""Advisory locks of PostgreSQL that a transaction holds until it ends, so that no dead process can keep one.

Work that lasts longer than a transaction takes a lease instead (leases.py).
"""

import hashlib
from collections.abc import Iterable

from django.db import OperationalError, connection

from movies.foundation.database_errors import is_lock_timeout

# Keys of advisory locks, in one place, so that no two purposes share one.
BULK_CHANGE = 4_201_712  # a bulk change of the inventory is under way; other changes take it shared
PUBLISHER = 4_201_713  # the outbox is being published: one publisher at a time, in all processes
PARTITIONS = 4_201_714  # partitions of views or of lists read are being made or dropped
RECOMMENDER = 4_201_720  # and the next numbers: a lane of users whose recommendations are being made
USERS = 0x7E7F  # a namespace of its own, keyed by user: this user's messages are being applied
IDLE_TIMEOUT = "5min"  # longer than a chunk of changes whose every request to SQS takes 30 s


class LockHeld(Exception):
    """Another transaction holds the lock."""


def acquire(key: int, *, seconds: float | None = None) -> None:
    """Holds the lock until the transaction ends. None waits without a limit of its own.

    Raises LockHeld when others hold it for `seconds` longer: the transaction can only be rolled back then.
    """
    if seconds is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        return
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
        raise LockHeld(f"another transaction holds lock {key}") from error


def acquire_each(namespace: int, ids: Iterable[int]) -> None:
    """Holds a lock for each id until the transaction ends. One statement.

    Two ids may share a lock. Locks are taken in the order of their keys, so that no two transactions deadlock.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, key) FROM"
            " (SELECT DISTINCT hashint8(id) AS key FROM unnest(%s::bigint[]) AS id ORDER BY 1) AS keys",
            [namespace, list(ids)],
        )


def try_acquire(key: int) -> bool:
    """Whether the lock is held now, until the transaction ends. Does not wait."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        return bool(cursor.fetchone()[0])


def end_when_idle() -> None:
    """The transaction, and its locks, end when this process sends nothing for IDLE_TIMEOUT.

    PostgreSQL notices at once that a process was killed, but for hours not that its machine is gone.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_TIMEOUT}'")


def key_of(*parts: object) -> int:
    """The key of a lock on one thing, like the job of an id."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
