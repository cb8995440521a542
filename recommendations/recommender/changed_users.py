"""Users whose own list is to be made again: marked by a trigger in the transaction that counts a view.

A mark is a number that is used once. A worker that makes a list clears only the mark that it saw, so a finish that is
counted meanwhile leaves another one. Users are divided into lanes. The transaction that makes the lists of a lane
holds its lock, so two workers never work on the same user, and the lane of a killed one is free at once.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from movies.foundation import advisory_locks
from movies.foundation.events import users_changed

LANES = 4  # users of a lane have the same remainder


class Changed(NamedTuple):
    """A marked user."""

    user_id: int
    mark: int


def mark(user_ids: Iterable[int]) -> None:
    """Marks the users, and wakes a worker after the commit.

    In a transaction that also changes the users' lists, call it first: everybody locks marks before lists.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT recommendations_mark(%s::bigint[])", [list(user_ids)])
    transaction.on_commit(wake)


def mark_for_later(user_ids: Iterable[int]) -> None:
    """Marks users of whom nothing changed: after all those with a finish. Users that are marked already stay so."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT recommendations_mark(%s::bigint[], -1)", [list(user_ids)])


def seen_before(at: datetime, limit: int) -> list[int]:
    """Users whom the recommender saw last before that time, and that are not marked."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT user_id FROM recommendations_changeduser WHERE mark IS NULL AND recommended_at < %s LIMIT %s
            """,
            [at, limit],
        )
        return [user_id for (user_id,) in cursor.fetchall()]


def wake() -> None:
    """Has a worker look for marked users soon."""
    users_changed.send(sender=None)


def try_lane(lane: int) -> bool:
    """Whether the transaction holds the lane until it ends. Does not wait."""
    return advisory_locks.try_acquire(advisory_locks.RECOMMENDER + lane)


def due(lane: int, limit: int) -> list[Changed]:
    """Marked users of the lane, except those whom the recommender saw in the last RECOMMEND_SECONDS.

    The latest marked first, so that a finish of now does not wait for a backlog.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT user_id, mark FROM recommendations_changeduser
            WHERE mark IS NOT NULL AND user_id %% %s = %s AND (
                recommended_at IS NULL
                OR recommended_at <= clock_timestamp() - make_interval(secs => %s)
                OR recommended_at > clock_timestamp())  -- a clock that was set back delays nobody
            ORDER BY mark DESC LIMIT %s
            """,
            [LANES, lane, settings.RECOMMEND_SECONDS, limit],
        )
        return [Changed(*row) for row in cursor.fetchall()]


def clear(changed: Sequence[Changed]) -> None:
    """Clears these marks; users who have another one by now stay marked."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH seen AS (  -- locked in the order of the key, as ingestion does
                SELECT user_id, seen.mark FROM unnest(%s::bigint[], %s::bigint[]) AS seen (user_id, mark)
                JOIN recommendations_changeduser USING (user_id) ORDER BY user_id
                FOR NO KEY UPDATE OF recommendations_changeduser)
            UPDATE recommendations_changeduser AS known SET recommended_at = clock_timestamp(),
                mark = CASE WHEN known.mark <> seen.mark THEN known.mark END,
                marked_at = CASE WHEN known.mark <> seen.mark THEN clock_timestamp() END
            FROM seen WHERE known.user_id = seen.user_id
            """,
            [[user_id for user_id, _ in changed], [number for _, number in changed]],
        )


def latest(limit: int) -> list[int]:
    """Up to `limit` marked users, the latest marked first: they finished a movie a moment ago."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT user_id FROM recommendations_changeduser WHERE mark IS NOT NULL ORDER BY mark DESC LIMIT %s",
            [limit],
        )
        return [user_id for (user_id,) in cursor.fetchall()]


class Waiting(NamedTuple):
    """The number of marked users, and the seconds since the first mark of those who are not marked for later."""

    users: int
    seconds: float


def waiting(*, up_to: int | None = None, count_at_most: int = 10_000_000) -> Waiting:
    """Those with one of the first `up_to` marks; None: all of them. `count_at_most` bounds the count and its time."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT count(*) FROM (
                        SELECT FROM recommendations_changeduser WHERE abs(mark) <= coalesce(%(up_to)s, abs(mark))
                        LIMIT %(at_most)s) AS counted),
                   coalesce((SELECT extract(epoch FROM clock_timestamp() - marked_at)::float8
                             FROM recommendations_changeduser WHERE mark > 0
                             ORDER BY mark LIMIT 1), 0)
            """,
            {"up_to": up_to, "at_most": count_at_most},
        )
        return Waiting(*cursor.fetchone())


def last_mark() -> int:
    """The number of marks so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM recommendations_marks")
        return int(cursor.fetchone()[0])
