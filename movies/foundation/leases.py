"""Leases: the exclusive right to some work, stored as a row that expires by the database's clock.

For work that lasts longer than a transaction. The holder renews its lease as it goes. A holder that was killed or
is stuck loses the lease after `seconds`; `renew` then raises, and the holder must stop.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

TAKE = """
INSERT INTO movies_lease AS lease (name, owner, expires_at)
VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s))
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
WHERE lease.expires_at < clock_timestamp()
RETURNING name
"""
RENEW = """
UPDATE movies_lease SET expires_at = clock_timestamp() + make_interval(secs => %s)
WHERE name = %s AND owner = %s RETURNING name
"""


class LeaseHeld(Exception):
    """Another process has the lease."""


class LeaseLost(Exception):
    """The lease expired and another process took it: this process must not finish the work."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease taken under `name`, which expires `seconds` after the last renewal."""

    name: str
    seconds: float
    owner: uuid.UUID = field(default_factory=uuid.uuid4)

    def renew(self) -> None:
        """Extends the lease to `seconds` from now. Raises LeaseLost."""
        if not _one(RENEW, self.seconds, self.name, self.owner):
            raise LeaseLost(f"the lease of {self.name} was lost: another process has taken over")


@contextmanager
def lease(name: str, *, seconds: float) -> Iterator[Lease]:
    """Only this block works under the name, as long as it renews the lease in time. Raises LeaseHeld."""
    mine = Lease(name, seconds)
    if not _one(TAKE, name, mine.owner, seconds):
        raise LeaseHeld(f"another process holds the lease of {name}")
    try:
        yield mine
    finally:
        _one("DELETE FROM movies_lease WHERE name = %s AND owner = %s RETURNING name", name, mine.owner)


def _one(sql: str, *values: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone() is not None
