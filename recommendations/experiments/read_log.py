"""The log of lists read: the first read of each list, once for each user and list, in monthly partitions."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce

from movies.viewing.partitions import MonthlyPartitions, month_start
from recommendations import stores
from recommendations.experiments import untallied
from recommendations.list_reads import FirstRead
from recommendations.models import LostReads

# In the order of the key, so that two processes do not deadlock. Of several reports of a list the earliest read
# stays, with what was shown then: which one arrives first changes nothing.
WRITE = """
INSERT INTO recommendations_listread AS known (user_id, made_at, read_at, made_by, movies, experiment, arm, other)
SELECT user_id, made_at, read_at, made_by, movies::bigint[], experiment, arm, other::bigint[]
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[], %s::bigint[], %s::text[],
            %s::text[]) AS new (user_id, made_at, read_at, made_by, movies, experiment, arm, other)
ORDER BY user_id, made_at
ON CONFLICT (user_id, made_at) DO UPDATE SET (read_at, made_by, movies, experiment, arm, other) = ROW(
    excluded.read_at, excluded.made_by, excluded.movies, excluded.experiment, excluded.arm, excluded.other)
WHERE (excluded.read_at, excluded.movies) < (known.read_at, known.movies)
"""
ADD_LOST = """
INSERT INTO recommendations_lostreads AS known (day, reads, seconds) VALUES (%s, %s, %s)
ON CONFLICT (day) DO UPDATE SET reads = known.reads + excluded.reads, seconds = known.seconds + excluded.seconds
"""


class Lost(NamedTuple):
    """Reads that could not be logged, and the seconds in which that happened, added up over processes."""

    reads: int
    seconds: int


def kept_since(now: datetime) -> datetime:
    """The time before which lists are no longer in the log: EXPOSURES_KEPT_DAYS ago, in whole months."""
    return month_start(now - timedelta(days=settings.EXPOSURES_KEPT_DAYS))


PARTITIONS = MonthlyPartitions("recommendations_listread", "made_at", "lists read", kept_since)


def write(reads: Iterable[FirstRead]) -> None:
    """Logs the reads in one transaction, then marks the lists as read in the store. Repeating it changes nothing.

    Raises StoreUnavailable and django.db's errors. A list that is logged and not marked is reported at its next
    read again.
    """
    earliest: dict[tuple[int, datetime], FirstRead] = {}
    for read in reads:
        key = read.user_id, read.made_at
        known = earliest.setdefault(key, read)
        if (read.read_at, read.movies) < (known.read_at, known.movies):
            earliest[key] = read
    if not earliest:
        return
    with transaction.atomic():
        untallied.mark({user_id for user_id, _ in earliest})  # before the facts
        with connection.cursor() as cursor:
            cursor.execute(
                WRITE, [list(column) for column in zip(*map(_row, earliest.values()), strict=True)]
            )
        # after the commit, because MongoDB would keep the mark of a transaction that failed
        transaction.on_commit(partial(stores.current().mark_read, list(earliest.values())))


def _row(read: FirstRead) -> tuple:
    trial = read.trial
    return (
        *(read.user_id, read.made_at, read.read_at, read.made_by, _array(read.movies)),
        *((trial.experiment, trial.arm, _array(trial.other)) if trial else (None, None, None)),
    )


def _array(movie_ids: Iterable[int]) -> str:
    """The literal of an array, because unnest takes no arrays of arrays of different lengths."""
    return f"{{{','.join(map(str, movie_ids))}}}"


def add_lost(by_day: Mapping[date, Lost]) -> None:
    """Adds reads that were lost to those of their (UTC) days. Raises django.db's errors."""
    with transaction.atomic(), connection.cursor() as cursor:
        for day, lost in sorted(by_day.items()):
            cursor.execute(ADD_LOST, [day, *lost])


def lost(since: datetime, until: datetime) -> Lost:
    """What was lost on the (UTC) days from that of `since` to that of `until`."""
    days = LostReads.objects.filter(day__range=(since.astimezone(UTC).date(), until.astimezone(UTC).date()))
    return Lost(**days.aggregate(reads=Coalesce(Sum("reads"), 0), seconds=Coalesce(Sum("seconds"), 0)))
