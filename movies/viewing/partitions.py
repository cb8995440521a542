"""Maintains the monthly partitions of movies_view: creates them ahead, and drops them when too old."""

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

MONTHS_AHEAD = 2  # beside the present one, because beat may be down for weeks
# Earlier times, and those far ahead, come from a producer's wrong clock: they stay in the default partition.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
GRACE_PERIOD = timedelta(days=1)  # an old month is dropped a day late, because clocks of hosts differ
# Others queue behind a lock that is waited for, so a month whose lock is not free soon is left for tomorrow.
SET_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '2s'"
NAME = re.compile(r"movies_view_y(\d{4})m(\d{2})")


@dataclass(slots=True)
class PartitionChanges:
    """The partitions that a run created and dropped, and those it postponed to the next run."""

    made: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)


def month_start(at: datetime, months_later: int = 0) -> datetime:
    """The first instant (UTC) of the month of `at`, or of the month so many later (earlier if negative)."""
    at = at.astimezone(UTC)
    months = at.year * 12 + at.month - 1 + months_later
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def kept_since(now: datetime | None = None) -> datetime | None:
    """The time before which views are not kept, so that a finish cannot be counted just once. None: all are kept."""
    if not settings.VIEWS_KEPT_MONTHS:
        return None
    return month_start(now or datetime.now(UTC), -settings.VIEWS_KEPT_MONTHS)


def maintain() -> PartitionChanges:
    """Creates partitions for this month, the next ones, and past ones that have views; drops those too old.

    Safe while views are counted: each month is one short transaction. A month whose locks are not free soon is
    postponed.
    """
    now, changes = datetime.now(UTC), PartitionChanges()
    present = _months()
    missing = {month_start(now, later) for later in range(MONTHS_AHEAD + 1)} | _months_in_default(now)
    for month in sorted(missing - present):
        _try(_make, month, changes.made, changes)
    since = kept_since(now - GRACE_PERIOD)
    if since is not None:
        for month in sorted(month for month in present if month < since):
            _try(_drop, month, changes.dropped, changes)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM movies_view_default WHERE watched_at < %s", [since])
    return changes


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
            [since, month_start(now, MONTHS_AHEAD + 1)],
        )
        return {month.astimezone(UTC) for (month,) in cursor}


def _try(
    action: Callable[[datetime], bool], month: datetime, done: list[str], changes: PartitionChanges
) -> None:
    try:
        with transaction.atomic():
            if action(month):
                done.append(_name(month))
    except OperationalError as error:
        if not is_lock_timeout(error):
            raise
        logger.warning("%s is postponed to the next run: %s", _name(month), error)
        changes.postponed.append(_name(month))


def _make(month: datetime) -> bool:
    # Names and conditions below are composed of constants and dates, not of input.
    name, bounds = _name(month), {"low": month, "high": month_start(month, 1)}
    rows = "watched_at >= %(low)s AND watched_at < %(high)s"
    with connection.cursor() as cursor:
        if not _lock_for(cursor, name, exists=False):
            return False
        # The constraint saves ATTACH a scan of the new partition.
        cursor.execute(
            f"CREATE TABLE {name} (LIKE movies_view INCLUDING ALL, CONSTRAINT in_month CHECK ({rows}))",
            bounds,
        )
        copy = f"INSERT INTO {name} SELECT * FROM movies_view_default WHERE {rows} ON CONFLICT DO NOTHING"  # noqa: S608
        cursor.execute(copy, bounds)  # most of them, while views are still being counted
        # The parent first, and against readers too. A session that had looked up the old partitions and then
        # waited would read from, or write to, the wrong one.
        cursor.execute("LOCK TABLE ONLY movies_view, ONLY movies_view_default IN ACCESS EXCLUSIVE MODE")
        cursor.execute(copy, bounds)  # those added meanwhile
        cursor.execute(f"DELETE FROM movies_view_default WHERE {rows}", bounds)  # noqa: S608
        cursor.execute(
            f"ALTER TABLE movies_view ATTACH PARTITION {name} FOR VALUES FROM (%(low)s) TO (%(high)s)", bounds
        )
        cursor.execute(f"ALTER TABLE {name} DROP CONSTRAINT in_month")
    return True


def _drop(month: datetime) -> bool:
    with connection.cursor() as cursor:
        if not _lock_for(cursor, _name(month), exists=True):
            return False
        cursor.execute(f"DROP TABLE {_name(month)}")
    return True


def _lock_for(cursor: Any, name: str, *, exists: bool) -> bool:
    """Acquires the lock of this work; false when another process did the work meanwhile."""
    advisory_locks.acquire(advisory_locks.PARTITIONS)
    cursor.execute(SET_LOCK_TIMEOUT)
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
    return cursor.fetchone()[0] is exists
