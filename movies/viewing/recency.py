"""Recent views: each view counts half after a half-life, as exact whole numbers that need no decay job.

A view on a UTC day adds 2^(days since 2000-01-01 / half-life) to its movie. Sums are compared only with each other,
so nothing has to decay: later views weigh more. The weights are whole numbers, so a sum does not depend on the order
in which views arrive.
"""

import functools
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime

from django.conf import settings
from django.db import connection, transaction

from movies.foundation.database_clock import database_time

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(
    2100, 1, 1
)  # later days, of wrong clocks, count like it, so that no number grows without limit
SCALE_BITS = 64  # of a weight on FIRST_DAY: views of up to 64 half-lives before it still count
PRECISION_BITS = 32  # of a power of 2, so that its last bits do not depend on the machine
BATCH = 10_000  # movies written in a statement


@functools.lru_cache(maxsize=4096)
def weight(day: date, half_life_days: int) -> int:
    """What a view on the (UTC) day adds to its movie's recent views: 2^(days / half-life) x 2^SCALE_BITS, rounded."""
    halvings, rest = divmod((min(day, LAST_DAY) - FIRST_DAY).days, half_life_days)
    shift = SCALE_BITS - PRECISION_BITS + halvings
    part = _powers(half_life_days)[rest]
    return part << shift if shift >= 0 else part >> -shift


@functools.lru_cache(maxsize=8)
def _powers(half_life_days: int) -> list[int]:
    return [round(2 ** (day / half_life_days + PRECISION_BITS)) for day in range(half_life_days)]


def recount_if_changed() -> bool:
    """Counts the recent views again if POPULARITY_HALF_LIFE_DAYS is not the half-life they were counted with.

    Views without a record (generated, or of months that are not kept) count on the day on which their movie was
    added. Counting of new views waits meanwhile. Returns whether it had to.
    """
    half_life = settings.POPULARITY_HALF_LIFE_DAYS
    if _counted_with() == half_life:
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        # Committed views have raised these counters, others raise them after this lock.
        cursor.execute("LOCK TABLE movies_viewcount IN SHARE ROW EXCLUSIVE MODE")
        if _counted_with() == half_life:
            return False
        recent, recorded = _recorded(half_life)
        today = database_time().date()
        cursor.execute(
            "SELECT movie_id, views, (created AT TIME ZONE 'UTC')::date FROM movies_viewcount"
            " LEFT JOIN movies_movie ON id = movie_id ORDER BY movie_id"
        )
        rows = iter(cursor.fetchall())
        while batch := list(itertools.islice(rows, BATCH)):
            sums = [
                recent[movie] + max(0, views - recorded[movie]) * weight(added or today, half_life)
                for movie, views, added in batch
            ]
            cursor.execute(
                "UPDATE movies_viewcount AS kept SET recent = new.recent"
                " FROM unnest(%s::bigint[], %s::numeric[]) AS new (movie_id, recent)"
                " WHERE kept.movie_id = new.movie_id",
                [[movie for movie, _, _ in batch], sums],
            )
        cursor.execute(
            "INSERT INTO movies_recency (id, half_life_days) VALUES (1, %s)"
            " ON CONFLICT (id) DO UPDATE SET half_life_days = excluded.half_life_days",
            [half_life],
        )
    return True


def _counted_with() -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT half_life_days FROM movies_recency")
        row = cursor.fetchone()
    return row[0] if row else None


def _recorded(half_life: int) -> tuple[dict[int, int], Counter[int]]:
    """The recent views and the number of views of each movie, from the views on record."""
    recent: defaultdict[int, int] = defaultdict(int)
    number: Counter[int] = Counter()
    for movie, day, views in _views_a_day():
        recent[movie] += views * weight(day, half_life)
        number[movie] += views
    return recent, number


def _views_a_day() -> Iterator[tuple[int, date, int]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            "SELECT movie_id, (watched_at AT TIME ZONE 'UTC')::date, count(*) FROM movies_view GROUP BY 1, 2"
        )
        while rows := cursor.fetchmany(BATCH):
            yield from rows


def day_of(at: datetime) -> date:
    """The UTC day of a time."""
    return at.astimezone(UTC).date()
