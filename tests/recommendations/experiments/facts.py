"""Facts about users of an experiment, and their way into the tables, one by one, in any order, again and again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from psycopg2.extras import execute_batch

from recommendations.experiments import untallied

START = datetime(2026, 11, 2, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Read:
    """The first read of a list."""

    user: int
    made_at: datetime
    read_at: datetime
    made_by: str = "mixture"
    arm: str | None = None  # of the experiment; None: a list of nobody's
    movies: tuple[int, ...] = ()
    other: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Watch:
    """An event of a session."""

    user: int
    movie: int
    at: datetime
    finish: bool = False
    is_rec: bool | None = None
    group: str | None = None


@dataclass(frozen=True)
class Rating:
    """An event with a rating."""

    user: int
    at: datetime


Fact = Read | Watch | Rating

READ = """
INSERT INTO recommendations_listread AS known (user_id, made_at, read_at, made_by, experiment, arm, movies, other)
VALUES (%s, %s, %s, %s, %s, %s, %s::bigint[], %s::bigint[])
ON CONFLICT (user_id, made_at) DO UPDATE SET read_at = least(known.read_at, excluded.read_at)
"""
WATCHED = """
INSERT INTO recommendations_start AS known (user_id, movie_id, started_at, is_rec, group_id)
VALUES (%s, %s, %s, %s, %s) ON CONFLICT (user_id, movie_id) DO UPDATE SET
    started_at = excluded.started_at,
    is_rec = CASE WHEN excluded.started_at < known.started_at THEN excluded.is_rec
                  ELSE greatest(known.is_rec, excluded.is_rec) END,
    group_id = CASE WHEN excluded.started_at < known.started_at THEN excluded.group_id
                    ELSE greatest(known.group_id, excluded.group_id) END
WHERE excluded.started_at <= known.started_at
"""
FINISHED = """
INSERT INTO movies_view (user_id, movie_id, watched_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
RATED = """
INSERT INTO recommendations_rater AS known (user_id, rated_at) VALUES (%s, %s)
ON CONFLICT (user_id) DO UPDATE SET rated_at = least(known.rated_at, excluded.rated_at)
"""


def write(experiment_id: int, facts: Iterable[Fact]) -> None:
    """Stores the facts in one transaction, and marks their users."""
    facts = list(facts)
    reads = [fact for fact in facts if isinstance(fact, Read)]
    watched = [fact for fact in facts if isinstance(fact, Watch)]
    rated = [fact for fact in facts if isinstance(fact, Rating)]
    with transaction.atomic(), connection.cursor() as cursor:
        untallied.mark(fact.user for fact in facts)
        for sql, rows in (
            (READ, [_read(experiment_id, read) for read in reads]),
            (WATCHED, [(one.user, one.movie, one.at, one.is_rec, one.group) for one in watched]),
            (FINISHED, [(one.user, one.movie, one.at) for one in watched if one.finish]),
            (RATED, [(one.user, one.at) for one in rated]),
        ):
            execute_batch(cursor.cursor, sql, rows)


def _read(experiment_id: int, read: Read) -> tuple[object, ...]:
    experiment = experiment_id if read.arm else None
    other = None if read.other is None else list(read.other)
    return (
        *(read.user, read.made_at, read.read_at, read.made_by, experiment, read.arm),
        *(list(read.movies), other),
    )
