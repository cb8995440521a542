"""Maintains the monthly partitions of a table, as of views: creates them ahead, and drops them when too old."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction

from movies.foundation import advisory_locks, retries
from movies.foundation.database_errors import is_lock_timeout

logger = logging.getLogger(__name__)

MONTHS_AHEAD = 2  # beside the present one, because beat may be down for weeks
# Earlier times, and those far ahead, come from a producer's wrong clock: they stay in the default partition.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
GRACE_PERIOD = timedelta(days=1)  # an old month is dropped a day late, because clocks of hosts differ
# Others queue behind a lock that is waited for, so a month whose lock is not free soon is left for tomorrow.
SET_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '2s'"
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 1800, 24 * 3600  # of postponed months
# ruff: noqa: S608 (statements are composed of constants and dates)


class PartitionsPostponed(Exception):
    """Some partitions could not be created or dropped, because their tables were in use."""


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


@dataclass(frozen=True, slots=True)
class MonthlyPartitions:
    """The partitions of a table by month of a time; rows of other months are in `<table>_default`.

    `kept_since(now)` is the start of the first month that is kept; None: all are.
    """

    table: str
    column: str
    what: str  # the rows, in a sentence
    kept_since: Callable[[datetime], datetime | None]

    def maintain_when_due(self) -> list[str]:
        """As `maintain`, with a pause after months that were postponed. Returns what was created and dropped."""
        with retries.retried(
            f"months of {self.what}",
            PartitionsPostponed,
            first=FIRST_RETRY_SECONDS,
            longest=MAX_RETRY_SECONDS,
        ) as due:
            if due:
                changes = self.maintain()
                if changes.postponed:
                    raise PartitionsPostponed(f"no lock soon enough for {', '.join(changes.postponed)}")
                return changes.made + changes.dropped
        return []

    def maintain(self) -> PartitionChanges:
        """Creates partitions for this month, the next ones, and past ones that have rows; drops those too old.

        Safe while rows are written: each month is one short transaction. A month whose locks are not free soon is
        postponed.
        """
        now, changes = datetime.now(UTC), PartitionChanges()
        present = self._months()
        missing = {month_start(now, later) for later in range(MONTHS_AHEAD + 1)} | self._months_in_default(
            now
        )
        for month in sorted(missing - present):
            self._try(self._make, month, changes.made, changes)
        since = self.kept_since(now - GRACE_PERIOD)
        if since is not None:
            for month in sorted(month for month in present if month < since):
                self._try(self._drop, month, changes.dropped, changes)
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {self.table}_default WHERE {self.column} < %s", [since])
        return changes

    def _name(self, month: datetime) -> str:
        return f"{self.table}_y{month:%Y}m{month:%m}"

    def _months(self) -> set[datetime]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
                " WHERE inhparent = %s::regclass",
                [self.table],
            )
            names = [re.fullmatch(rf"{self.table}_y(\d{{4}})m(\d{{2}})", name) for (name,) in cursor]
        return {datetime(int(name[1]), int(name[2]), 1, tzinfo=UTC) for name in names if name}

    def _months_in_default(self, now: datetime) -> set[datetime]:
        since = max(EARLIEST, self.kept_since(now) or EARLIEST)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT DISTINCT date_trunc('month', {self.column}, 'UTC') FROM {self.table}_default"
                f" WHERE {self.column} >= %s AND {self.column} < %s",
                [since, month_start(now, MONTHS_AHEAD + 1)],
            )
            return {month.astimezone(UTC) for (month,) in cursor}

    def _try(
        self, action: Callable[[datetime], bool], month: datetime, done: list[str], changes: PartitionChanges
    ) -> None:
        name = self._name(month)
        try:
            with transaction.atomic():
                if action(month):
                    done.append(name)
        except OperationalError as error:
            if not is_lock_timeout(error):
                raise
            logger.warning("%s is postponed to the next run: %s", name, error)
            changes.postponed.append(name)

    def _make(self, month: datetime) -> bool:
        table, name = self.table, self._name(month)
        bounds = {"low": month, "high": month_start(month, 1)}
        rows = f"{self.column} >= %(low)s AND {self.column} < %(high)s"
        with connection.cursor() as cursor:
            if not _lock_for(cursor, name, exists=False):
                return False
            # The constraint saves ATTACH a scan of the new partition.
            cursor.execute(
                f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL, CONSTRAINT in_month CHECK ({rows}))",
                bounds,
            )
            copy = f"INSERT INTO {name} SELECT * FROM {table}_default WHERE {rows} ON CONFLICT DO NOTHING"
            cursor.execute(copy, bounds)  # most of them, while rows are still being written
            # The parent first, and against readers too. A session that had looked up the old partitions and then
            # waited would read from, or write to, the wrong one.
            cursor.execute(f"LOCK TABLE ONLY {table}, ONLY {table}_default IN ACCESS EXCLUSIVE MODE")
            cursor.execute(copy, bounds)  # those added meanwhile
            cursor.execute(f"DELETE FROM {table}_default WHERE {rows}", bounds)
            cursor.execute(
                f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM (%(low)s) TO (%(high)s)", bounds
            )
            cursor.execute(f"ALTER TABLE {name} DROP CONSTRAINT in_month")
        return True

    def _drop(self, month: datetime) -> bool:
        with connection.cursor() as cursor:
            if not _lock_for(cursor, self._name(month), exists=True):
                return False
            cursor.execute(f"DROP TABLE {self._name(month)}")
        return True


def _lock_for(cursor: Any, name: str, *, exists: bool) -> bool:
    """Acquires the lock of this work; false when another process did the work meanwhile."""
    advisory_locks.acquire(advisory_locks.PARTITIONS)
    cursor.execute(SET_LOCK_TIMEOUT)
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
    return cursor.fetchone()[0] is exists


def kept_since(now: datetime | None = None) -> datetime | None:
    """The time before which views are not kept, so that a finish cannot be counted just once. None: all are kept."""
    if not settings.VIEWS_KEPT_MONTHS:
        return None
    return month_start(now or datetime.now(UTC), -settings.VIEWS_KEPT_MONTHS)


VIEWS = MonthlyPartitions("movies_view", "watched_at", "views", kept_since)
