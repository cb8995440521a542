"""Counts for each experiment what its users did, from the facts, for users of whom a fact is new.

A batch of marked users is counted in the transaction that clears their marks: a killed worker loses nothing, and of
several workers one counts a user at a time. The same facts give the same rows, whenever and however often they are
counted.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from movies.foundation.database_clock import database_time
from movies.viewing import partitions
from recommendations.experiments import attribution, read_log, untallied
from recommendations.experiments.assignment import arms_of
from recommendations.experiments.plan import Plan
from recommendations.models import Experiment, ExperimentDay, ExperimentUser

BATCH = 200  # users of a transaction: about a tenth of a second, in which ingestion of their events waits
JUST = timedelta(minutes=10)

USER_COLUMNS = ("arm", "exposed_at", "left_out", "arms", "before", "first_read_at", "lists", "bus_lists")
USERS = f"""
views AS MATERIALIZED ({attribution.VIEWS}),
logged AS MATERIALIZED (
    SELECT * FROM recommendations_listread
    WHERE user_id = ANY (%(users)s) AND read_at >= %(start)s AND read_at < %(end)s),
first_exposing AS (
    SELECT DISTINCT ON (user_id) user_id, arm, read_at AS exposed_at FROM logged
    WHERE experiment = %(experiment)s AND movies <> other
    ORDER BY user_id, read_at, made_at),
readers AS (
    SELECT user_id, min(read_at) AS first_read_at, max(read_at) AS last_read_at,
           count(*) AS lists, count(*) FILTER (WHERE made_by = 'bus') AS bus_lists,
           count(DISTINCT arm) FILTER (WHERE experiment = %(experiment)s) AS arms,
           coalesce(bool_or(experiment = %(experiment)s), false) AS in_experiment,
           bool_or(made_by NOT IN ('bus', 'generated') AND made_at >= %(start)s) AS own
    FROM logged GROUP BY user_id),
exposed AS (
    SELECT user_id, arm, exposed_at FROM first_exposing LEFT JOIN recommendations_rater AS rater USING (user_id)
    WHERE rater.rated_at IS NULL OR rater.rated_at > exposed_at),
known_before AS ({attribution.BEFORE}),
computed AS (
    SELECT %(experiment)s AS experiment_id, user_id, arm, exposed_at,
           CASE WHEN exposed_at IS NOT NULL THEN ''
                WHEN rater.rated_at <= last_read_at THEN 'rates movies'
                WHEN user_id = ANY (%(outside)s) THEN 'outside the share'
                WHEN in_experiment THEN 'same list in both arms'
                WHEN own THEN 'no fixed preferences'
                WHEN bus_lists > 0 THEN 'list from the bus'
                ELSE 'list made before the start' END AS left_out,
           arms, coalesce(known_before.before, 0) AS before, first_read_at, lists, bus_lists
    FROM readers LEFT JOIN exposed USING (user_id) LEFT JOIN known_before USING (user_id)
    LEFT JOIN recommendations_rater AS rater USING (user_id))
"""  # noqa: S608 -- made of constants

DAY_COLUMNS = (
    "finishes",
    "recommended",
    "shadow",
    "new_movies",
    "starts",
    "recommended_starts",
    "abandoned",
    "lists",
    "age_seconds",
    "rec_known",
    "rec_disagree",
    "group_disagree",
)
DAYS = f"""
exposed AS MATERIALIZED (
    SELECT user_id, arm, exposed_at, least(exposed_at + make_interval(hours => 24 * %(window)s), %(end)s) AS until
    FROM recommendations_experimentuser
    WHERE experiment_id = %(experiment)s AND user_id = ANY (%(users)s) AND exposed_at IS NOT NULL),
views AS MATERIALIZED ({attribution.VIEWS}),
finished AS MATERIALIZED (SELECT user_id, movie_id, min(at) AS at FROM views GROUP BY user_id, movie_id),
starts AS MATERIALIZED ({attribution.STARTS.format(counts="list.experiment = %(experiment)s")}),
facts AS (
    SELECT 'finish' AS kind, views.user_id, views.at, recommended, on_both,
           NULL::boolean AS is_rec, NULL::text AS group_id, true AS finished, 0::float8 AS age
    FROM views LEFT JOIN starts USING (user_id, movie_id)
    UNION ALL SELECT 'new movie', user_id, at, false, false, NULL, NULL, true, 0 FROM finished
    UNION ALL SELECT 'start', starts.user_id, starts.at, recommended, on_both, is_rec, group_id,
                     finished.at IS NOT NULL, 0
    FROM starts LEFT JOIN finished USING (user_id, movie_id)
    UNION ALL SELECT 'list', user_id, read_at, false, false, NULL, NULL, false,
                     extract(epoch FROM read_at - made_at)::float8
    FROM recommendations_listread WHERE user_id = ANY (%(users)s) AND experiment = %(experiment)s),
computed AS (
    SELECT %(experiment)s AS experiment_id, user_id,
           div(extract(epoch FROM at - exposed_at), 86400)::int AS day,
           count(*) FILTER (WHERE kind = 'finish') AS finishes,
           count(*) FILTER (WHERE kind = 'finish' AND recommended) AS recommended,
           count(*) FILTER (WHERE kind = 'finish' AND on_both) AS shadow,
           count(*) FILTER (WHERE kind = 'new movie') AS new_movies,
           count(*) FILTER (WHERE kind = 'start') AS starts,
           count(*) FILTER (WHERE kind = 'start' AND recommended) AS recommended_starts,
           count(*) FILTER (WHERE kind = 'start' AND NOT finished) AS abandoned,
           count(*) FILTER (WHERE kind = 'list') AS lists,
           sum(age) AS age_seconds,
           count(is_rec) AS rec_known,
           count(*) FILTER (WHERE is_rec <> recommended) AS rec_disagree,
           count(*) FILTER (WHERE group_id NOT IN (arm, (array_position(%(arms)s, arm) - 1)::text))
               AS group_disagree
    FROM facts JOIN exposed USING (user_id)
    WHERE at >= exposed_at AND at < until
    GROUP BY user_id, day)
"""  # noqa: S608 -- made of constants


def _replacing(table: str, key: Sequence[str], columns: Sequence[str], computed: str) -> str:
    """The statement that makes the table's rows of these users those of `computed`. Writes only what differs."""
    every = (*key, *columns)
    return f"""
    WITH {computed},
    gone AS (
        DELETE FROM {table} AS known WHERE experiment_id = %(experiment)s AND user_id = ANY (%(users)s)
        AND NOT EXISTS (SELECT FROM computed WHERE {_pairs("computed", key)} = {_pairs("known", key)}))
    INSERT INTO {table} AS known ({", ".join(every)}) SELECT {", ".join(every)} FROM computed
    ON CONFLICT ({", ".join(key)}) DO UPDATE SET ({", ".join(columns)}) = {_pairs("excluded", columns)}
    WHERE {_pairs("known", columns)} IS DISTINCT FROM {_pairs("excluded", columns)}
    """  # noqa: S608 -- made of constants


def _pairs(row: str, columns: Sequence[str]) -> str:
    return f"ROW({', '.join(f'{row}.{column}' for column in columns)})"


REPLACE_USERS = _replacing(ExperimentUser._meta.db_table, ("experiment_id", "user_id"), USER_COLUMNS, USERS)
REPLACE_DAYS = _replacing(
    ExperimentDay._meta.db_table, ("experiment_id", "user_id", "day"), DAY_COLUMNS, DAYS
)


def tally(*, seconds: float) -> int:
    """Counts marked users until none is left, or for about `seconds`; returns how many users.

    Marks stay as long as no experiment is to be counted.
    """
    until = time.monotonic() + seconds
    total = 0
    while (experiments := _counted()) and time.monotonic() < until:
        with transaction.atomic():
            users = untallied.take(BATCH)
            for experiment in experiments if users else ():
                _count(experiment, users)
        total += len(users)
        if len(users) < BATCH:
            break
    return total


def recount(experiment: Experiment) -> int:
    """Counts all users of the experiment again, and returns how many. For facts that marked nobody.

    Not for an experiment of which the log of lists read has dropped a part.
    """
    total = 0
    for users in _users(experiment):
        with transaction.atomic():
            untallied.mark(users)  # which locks them
            _count(experiment, users)
        total += len(users)
    return total


def mark_again(experiment: Experiment) -> int:
    """Marks all users of the experiment, so that they are counted again; returns how many."""
    total = 0
    for users in _users(experiment):
        untallied.mark(users)
        total += len(users)
    return total


def just_stopped() -> list[Experiment]:
    """Those that were stopped in the last minutes."""
    return list(Experiment.objects.filter(ended_at__gte=database_time() - JUST))


def is_complete(experiment: Experiment, now: datetime) -> bool:
    """Whether all facts about a started experiment are still stored; else it keeps what was counted."""
    views_since = partitions.kept_since(now)
    started_at = experiment.started_at
    return (
        started_at is not None
        and started_at >= read_log.kept_since(now)
        and (views_since is None or started_at - timedelta(days=attribution.BEFORE_DAYS) >= views_since)
    )


def _counted() -> list[Experiment]:
    now = database_time()
    started = Experiment.objects.filter(started_at__gte=read_log.kept_since(now))
    return [experiment for experiment in started if is_complete(experiment, now)]


def _count(experiment: Experiment, users: Sequence[int]) -> None:
    plan = Plan.from_json(experiment.plan)
    outside = [user for user, arm in zip(users, arms_of(plan, users), strict=True) if arm < 0]
    parameters: dict[str, Any] = {
        "experiment": experiment.pk,
        "start": experiment.started_at,
        "end": experiment.ended_at or "infinity",
        "window": plan.window_days,
        "arms": list(plan.names),
        "users": list(users),
        "outside": outside,
    }
    with connection.cursor() as cursor:
        cursor.execute(REPLACE_USERS, parameters)
        cursor.execute(REPLACE_DAYS, parameters)


def _users(experiment: Experiment) -> Iterator[list[int]]:
    """The users that read a list while the experiment ran or are counted in it, in batches by ascending id."""
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT user_id FROM (
                    (SELECT DISTINCT user_id FROM recommendations_listread
                     WHERE user_id > %(after)s AND read_at >= %(start)s AND read_at < %(end)s
                     ORDER BY user_id LIMIT %(limit)s)
                    UNION
                    (SELECT user_id FROM recommendations_experimentuser
                     WHERE experiment_id = %(experiment)s AND user_id > %(after)s
                     ORDER BY user_id LIMIT %(limit)s)) AS found
                ORDER BY user_id LIMIT %(limit)s
                """,
                {
                    "after": after,
                    "start": experiment.started_at,
                    "end": experiment.ended_at or "infinity",
                    "experiment": experiment.pk,
                    "limit": BATCH,
                },
            )
            users = [user_id for (user_id,) in cursor.fetchall()]
        if not users:
            return
        yield users
        after = users[-1]
