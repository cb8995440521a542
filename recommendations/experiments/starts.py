"""What ingestion stores for experiments: when each user first watched each movie, and who rates movies."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from movies.viewing.partitions import kept_since

RECORD = """
WITH reported AS (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::boolean[], %s::text[])
        AS new (user_id, movie_id, started_at, is_rec, group_id)
), earlier AS (  -- most movies were started before, and nothing is to be written
    SELECT reported.* FROM reported LEFT JOIN recommendations_start AS known USING (user_id, movie_id)
    WHERE known.user_id IS NULL OR reported.started_at <= known.started_at
        AND (reported.started_at, reported.is_rec, reported.group_id)
            IS DISTINCT FROM (known.started_at, known.is_rec, known.group_id)
)
INSERT INTO recommendations_start AS known (user_id, movie_id, started_at, is_rec, group_id)
SELECT * FROM earlier ORDER BY user_id, movie_id
ON CONFLICT (user_id, movie_id) DO UPDATE SET started_at = excluded.started_at,
    is_rec = CASE WHEN excluded.started_at < known.started_at THEN excluded.is_rec
        ELSE greatest(known.is_rec, excluded.is_rec) END,
    group_id = CASE WHEN excluded.started_at < known.started_at THEN excluded.group_id
        ELSE greatest(known.group_id COLLATE "C", excluded.group_id COLLATE "C") END
WHERE excluded.started_at <= known.started_at
"""
RATERS = """
INSERT INTO recommendations_rater AS known (user_id, rated_at)
SELECT * FROM unnest(%s::bigint[], %s::timestamptz[]) AS new (user_id, rated_at) ORDER BY user_id
ON CONFLICT (user_id) DO UPDATE SET rated_at = excluded.rated_at WHERE excluded.rated_at < known.rated_at
"""


class Watched(NamedTuple):
    """One event, as an experiment sees it. `at` orders it; the rest is what the sender says, None for nothing."""

    user_id: int
    movie_id: int
    at: datetime
    is_rec: bool | None
    group_id: str | None
    rated: bool


def record(events: Iterable[Watched]) -> None:
    """Keeps the least time of each user and movie, and of each user's events with a rating.

    Of events at the same time the greatest `is_rec` and `group_id` stay, so no order of arrival matters. At most two
    statements. The caller has marked the users.
    """
    starts: dict[tuple[int, int], Watched] = {}
    raters: dict[int, datetime] = {}
    for event in events:
        key = event.user_id, event.movie_id
        known = starts.get(key)
        starts[key] = event if known is None else _first(known, event)
        if event.rated:
            raters[event.user_id] = min(event.at, raters.get(event.user_id, event.at))
    with connection.cursor() as cursor:
        if starts:
            first = starts.values()
            columns = ([getattr(one, name) for one in first] for name in ("at", "is_rec", "group_id"))
            users, movies = zip(*starts, strict=True)
            cursor.execute(RECORD, [list(users), list(movies), *columns])
        if raters:
            cursor.execute(RATERS, [list(raters), list(raters.values())])


def _first(one: Watched, other: Watched) -> Watched:
    if one.at != other.at:
        return min(one, other, key=lambda event: event.at)
    return one._replace(
        is_rec=max((said for said in (one.is_rec, other.is_rec) if said is not None), default=None),
        group_id=max((said for said in (one.group_id, other.group_id) if said is not None), default=None),
    )


def delete_old() -> int:
    """Deletes starts from before the months of views that are kept. Returns how many."""
    since = kept_since()
    if since is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM recommendations_start WHERE started_at < %s", [since])
        return int(cursor.rowcount)
