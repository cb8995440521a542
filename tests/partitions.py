"""The monthly partitions of a table, which outlive a test's rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from movies.viewing.partitions import MonthlyPartitions


def rows_by_partition(months: MonthlyPartitions) -> dict[str, int]:
    """The number of rows in each partition of a table, by the partition's name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [months.table]
        )
        counts = {}
        for name in sorted(name for (name,) in cursor):
            cursor.execute(f"SELECT count(*) FROM {name}")
            counts[name] = cursor.fetchone()[0]
    return counts


@contextmanager
def without_months(months: MonthlyPartitions) -> Iterator[None]:
    """Drops the months before, because a worker of another test may have created some, and after."""
    _drop(months)
    yield
    _drop(months)


def _drop(months: MonthlyPartitions) -> None:
    with connection.cursor() as cursor:
        for name in set(rows_by_partition(months)) - {f"{months.table}_default"}:
            cursor.execute(f"DROP TABLE {name}")
