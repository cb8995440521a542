"""The months of movies_view: made ahead, filled from the default partition, dropped when too old."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction

from movies.foundation import advisory_locks
from movies.foundation.database_errors import is_lock_timeout

logger = logging.getLogger(__name__)

AHEAD = 2  # months made beside the present one: beat may stand still for weeks
# Earlier (or far ahead) is a producer's clock gone wrong: such rows stay in the default partition.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
GRACE = timedelta(days=1)  # an old month goes a day after nobody counts into it, whatever the clocks say
# While a lock is waited for, everybody else waits behind it: rather try again tomorrow.
PATIENCE = "SET LOCAL lock_timeout = '2s'"
NAME = re.compile(r"movies_view_y(\d{4})m(\d{2})")


@dataclass(slots=True)
class Tended:
    """What tending came to: the partitions made and dropped, and those that wait for the next time."""

    made: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)


def month_start(at: datetime, months_later: int = 0) -> datetime:
    """The first instant (UTC) of the month of `at`, or of one so many months later (earlier if negative)."""
    at = at.astimezone(UTC)
    months = at.year * 12 + at.month - 1 + months_later
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def kept_since(now: datetime | None = None) -> datetime | None:
    """Views before this are not kept, so a finish from before it cannot be counted once. None: all are."""
    if not settings.VIEWS_KEPT_MONTHS:
        return None
    return month_start(now or datetime.now(UTC), -settings.VIEWS_KEPT_MONTHS)


def tend() -> Tended:
    """Partitions are there for this month, the next, and past ones that have views; too old ones are gone.

    Safe while views are counted: each month is one short transaction, and one that cannot get its locks soon
    is left for the next time.
    """
    now, tended = datetime.now(UTC), Tended()
    present = _months()
    missing = {month_start(now, later) for later in range(AHEAD + 1)} | _months_in_default(now)
    for month in sorted(missing - present):
        _try(_make, month, tended.made, tended)
    since = kept_since(now - GRACE)
    if since is not None:
        for month in sorted(month for month in present if month < since):
            _try(_drop, month, tended.dropped, tended)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM movies_view_default WHERE watched_at < %s", [since])
    return tended


def _name(month: datetime) -> str:
    return f"movies_view_y{month:%Y}m{month:%m}"


def _months() -> set[datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
            " WHERE inhparent = 'movies_view'::regclass"
        )
        names = [NAME.fullmatch(name) for (name,) in cursor]
    return {datetime(int(name[1]), int(name[2]), 1, tzinfo=UTC) for name in names if name}


def _months_in_default(now: datetime) -> set[datetime]:
    since = max(EARLIEST, kept_since(now) or EARLIEST)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT date_trunc('month', watched_at, 'UTC') FROM movies_view_default"
            " WHERE watched_at >= %s AND watched_at < %s",
            [since, month_start(now, AHEAD + 1)],
        )
        return {month.astimezone(UTC) for (month,) in cursor}


def _try(action: Callable[[datetime], bool], month: datetime, done: list[str], tended: Tended) -> None:
    try:
        with transaction.atomic():
            if action(month):
                done.append(_name(month))
    except OperationalError as error:
        if not is_lock_timeout(error):
            raise
        logger.warning("%s waits for the next time: %s", _name(month), error)
        tended.postponed.append(_name(month))


def _make(month: datetime) -> bool:
    # Names and conditions below are our own, nobody's input.
    name, bounds = _name(month), {"low": month, "high": month_start(month, 1)}
    rows = "watched_at >= %(low)s AND watched_at < %(high)s"
    with connection.cursor() as cursor:
        if not _first_here(cursor, name, there=False):
            return False
        # The check is what ATTACH would otherwise scan the new partition for.
        cursor.execute(
            f"CREATE TABLE {name} (LIKE movies_view INCLUDING ALL, CONSTRAINT in_month CHECK ({rows}))",
            bounds,
        )
        copy = f"INSERT INTO {name} SELECT * FROM movies_view_default WHERE {rows} ON CONFLICT DO NOTHING"  # noqa: S608
        cursor.execute(copy, bounds)  # most of them, while views are counted on
        # The parent first, and against readers too: who had looked up the old partitions and then had to
        # wait, would look for rows where they are no more, or put one where it may not be.
        cursor.execute("LOCK TABLE ONLY movies_view, ONLY movies_view_default IN ACCESS EXCLUSIVE MODE")
        cursor.execute(copy, bounds)  # what came meanwhile
        cursor.execute(f"DELETE FROM movies_view_default WHERE {rows}", bounds)  # noqa: S608
        cursor.execute(
            f"ALTER TABLE movies_view ATTACH PARTITION {name} FOR VALUES FROM (%(low)s) TO (%(high)s)", bounds
        )
        cursor.execute(f"ALTER TABLE {name} DROP CONSTRAINT in_month")
    return True


def _drop(month: datetime) -> bool:
    with connection.cursor() as cursor:
        if not _first_here(cursor, _name(month), there=True):
            return False
        cursor.execute(f"DROP TABLE {_name(month)}")
    return True


def _first_here(cursor: Any, name: str, *, there: bool) -> bool:
    """Takes the lock of this work; false if somebody else did the work meanwhile."""
    advisory_locks.acquire(advisory_locks.PARTITIONS)
    cursor.execute(PATIENCE)
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
    return cursor.fetchone()[0] is there
