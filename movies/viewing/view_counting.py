"""Counts each finished watch as one view, however often it is reported, and answers questions about past views.

All functions run in the caller's transaction, in a number of statements that does not grow with the batch.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import connection

from movies.foundation.numbers import MAX_BIGINT
from movies.genres import GENRES
from movies.models import Movie
from movies.viewing import recency
from movies.viewing.partitions import kept_since

logger = logging.getLogger(__name__)

Finish = tuple[int, int, datetime]  # user, movie, when


def views_of(movie: Movie) -> int:
    """The movie's views; one statement, or none after `select_related("viewcount")`."""
    return movie.viewcount.views if hasattr(movie, "viewcount") else 0


def existing(movie_ids: Iterable[int]) -> set[int]:
    """Those of the ids that are movies, hidden ones included. Accepts any integer. One statement."""
    possible = [movie_id for movie_id in set(movie_ids) if 0 < movie_id <= MAX_BIGINT]
    if not possible:
        return set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM movies_movie WHERE id = ANY (%s::bigint[])", [possible])
        return {movie_id for (movie_id,) in cursor}


def record_views(finishes: Mapping[Finish, datetime | None]) -> set[Finish]:
    """Stores each finish as a view; returns those that were not stored before, for `raise_counters`.

    The mapped value is the time that orders the finish, if that is not its own time (of several, the earliest stays).
    Leaves out finishes of movies that do not exist, and those from before the kept months, because they may have
    been counted before. One statement; two if a finish reported again has a time of its own for the order.
    """
    wanted = _within_kept_months({finish for finish in finishes if 0 < finish[1] <= MAX_BIGINT})
    new = _insert({finish: finishes[finish] for finish in wanted})
    reported_again = {finish: order for finish in wanted - new if (order := finishes[finish])}
    if reported_again:
        _order_earlier(reported_again)
    return new


def raise_counters(new: Collection[Finish]) -> None:
    """Raises the view counts of each finish's movie, recent ones too, and of its genres on that day, by one.

    Two statements. They come last in a transaction, because all consumers contend for these rows.
    """
    if new:
        by_day = Counter((movie_id, recency.day_of(at)) for _, movie_id, at in new)
        _raise_view_counts(by_day)
        _raise_genre_views(by_day)


def last_finishes(asked: Iterable[Finish]) -> dict[tuple[int, int], datetime]:
    """For each (user, movie, event time): when the user last finished the movie, if not before the event.

    Times are those that events are ordered by. One statement, which does not read months before the oldest event.
    """
    oldest: dict[tuple[int, int], datetime] = {}
    for user_id, movie_id, at in asked:
        if 0 < movie_id <= MAX_BIGINT:
            oldest[user_id, movie_id] = min(at, oldest.get((user_id, movie_id), at))
    if not oldest:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT asked.user_id, asked.movie_id, last.at
            FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS asked (user_id, movie_id, at)
            CROSS JOIN LATERAL (
                SELECT max(coalesce(effective_at, watched_at)) AS at FROM movies_view AS view
                WHERE view.user_id = asked.user_id AND view.movie_id = asked.movie_id
                -- the time as stated is never the earlier one, and finds the months
                AND view.watched_at >= asked.at AND view.watched_at >= %s
                AND coalesce(effective_at, watched_at) >= asked.at
            ) AS last
            WHERE last.at IS NOT NULL
            """,
            [
                [user_id for user_id, _ in oldest],
                [movie_id for _, movie_id in oldest],
                list(oldest.values()),
                min(oldest.values()),
            ],
        )
        return {(user_id, movie_id): at for user_id, movie_id, at in cursor}


def finished_after(lists: Sequence[tuple[int, Iterable[int], datetime]]) -> list[set[int]]:
    """For each (user, movies, time): the movies among them that the user finished after it, in the order of events.

    One statement.
    """
    asked = [
        (place, user_id, movie_id, after)
        for place, (user_id, movie_ids, after) in enumerate(lists)
        for movie_id in set(movie_ids)
        if 0 < movie_id <= MAX_BIGINT
    ]
    found: list[set[int]] = [set() for _ in lists]
    if not asked:
        return found
    places, user_ids, ids, afters = (list(column) for column in zip(*asked, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT asked.place, asked.movie_id
            FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::timestamptz[])
                AS asked (place, user_id, movie_id, after)
            WHERE EXISTS (
                SELECT FROM movies_view AS view
                WHERE view.user_id = asked.user_id AND view.movie_id = asked.movie_id
                AND view.watched_at > asked.after AND view.watched_at > %s
                AND coalesce(effective_at, watched_at) > asked.after
            )
            """,
            [places, user_ids, ids, afters, min(after for _, _, after in lists)],
        )
        for place, movie_id in cursor:
            found[place].add(movie_id)
    return found


def _within_kept_months(finishes: set[Finish]) -> set[Finish]:
    since = kept_since()
    if since is None:
        return finishes
    kept = {finish for finish in finishes if finish[2] >= since}
    if len(kept) < len(finishes):
        logger.warning(
            "%d finished watches from before %s are too old to count", len(finishes) - len(kept), since
        )
    return kept


def _insert(finishes: dict[Finish, datetime | None]) -> set[Finish]:
    if not finishes:
        return set()
    with connection.cursor() as cursor:
        # Inserts in the order of the key, so that two transactions with the same finishes do not deadlock.
        cursor.execute(
            """
            INSERT INTO movies_view (user_id, movie_id, watched_at, effective_at)
            SELECT reported.user_id, reported.movie_id, reported.at, reported.effective_at
            FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
                AS reported (user_id, movie_id, at, effective_at)
            JOIN movies_movie ON movies_movie.id = reported.movie_id
            ORDER BY 1, 2, 3
            ON CONFLICT DO NOTHING
            RETURNING user_id, movie_id, watched_at
            """,
            _columns(finishes),
        )
        return set(cursor)


def _order_earlier(finishes: dict[Finish, datetime]) -> None:
    """Orders stored views by the given time if it is earlier than the present one."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE movies_view AS view SET effective_at = reported.effective_at
            FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
                AS reported (user_id, movie_id, at, effective_at)
            WHERE view.user_id = reported.user_id AND view.movie_id = reported.movie_id
            AND view.watched_at = reported.at AND reported.effective_at < coalesce(view.effective_at, view.watched_at)
            """,
            _columns(finishes),
        )


def _columns(finishes: Mapping[Finish, datetime | None]) -> list[list[Any]]:
    user_ids, movie_ids, times = (list(column) for column in zip(*finishes, strict=True))
    return [user_ids, movie_ids, times, list(finishes.values())]


def _raise_view_counts(by_day: Counter[tuple[int, date]]) -> None:
    views: Counter[int] = Counter()
    recent: Counter[int] = Counter()
    for (movie_id, day), number in by_day.items():
        views[movie_id] += number
        recent[movie_id] += number * recency.weight(day, settings.POPULARITY_HALF_LIFE_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO movies_viewcount AS kept (movie_id, views, recent)
            SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[]) AS new (movie_id, views, recent)
            ORDER BY movie_id
            ON CONFLICT (movie_id) DO UPDATE
            SET views = kept.views + excluded.views, recent = kept.recent + excluded.recent
            """,
            [list(views), list(views.values()), list(recent.values())],
        )


def _raise_genre_views(views: Counter[tuple[int, date]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO movies_genreviews AS kept (day, genre, weight)
            SELECT new.day, share.genre, sum(share.weight * new.views)
            FROM unnest(%s::bigint[], %s::date[], %s::bigint[]) AS new (movie_id, day, views)
            JOIN movies_movie ON movies_movie.id = new.movie_id
            CROSS JOIN LATERAL unnest(%s::text[], movies_movie.profile) AS share (genre, weight)
            WHERE share.weight > 0
            GROUP BY 1, 2 ORDER BY 1, 2
            ON CONFLICT (day, genre) DO UPDATE SET weight = kept.weight + excluded.weight
            """,
            [
                [movie_id for movie_id, _ in views],
                [day for _, day in views],
                list(views.values()),
                list(GENRES),
            ],
        )
