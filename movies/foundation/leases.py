"""Leases: the right to do some work alone, kept as a row that runs out by the database's clock.

For work that lasts longer than a transaction. The holder renews its lease as it goes; one that was killed or is
stuck loses it after `seconds`, and must not finish anything then: `renew` says so.
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


class Held(Exception):
    """Another process has the lease."""


class Lost(Exception):
    """The lease ran out and another process took it: what this one does from now on counts no more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that was taken under `name`; it runs out `seconds` after the last renewal."""

    name: str
    seconds: float
    owner: uuid.UUID = field(default_factory=uuid.uuid4)

    def renew(self) -> None:
        """The lease is ours for `seconds` from now. Raises Lost."""
        if not _one(RENEW, self.seconds, self.name, self.owner):
            raise Lost(f"the lease of {self.name} was lost: another process has taken over")


@contextmanager
def lease(name: str, *, seconds: float) -> Iterator[Lease]:
    """The work of this name is this block's alone, as long as it renews the lease in time. Raises Held."""
    mine = Lease(name, seconds)
    if not _one(TAKE, name, mine.owner, seconds):
        raise Held(f"another process is at work on {name}")
    try:
        yield mine
    finally:
        _one("DELETE FROM movies_lease WHERE name = %s AND owner = %s RETURNING name", name, mine.owner)


def _one(sql: str, *values: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone() is not None
