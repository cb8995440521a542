"""Removes all views of some users, and lowers the counters by exactly them: for simulated users."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from django.conf import settings
from django.db import connection

from movies.genres import GENRES
from movies.viewing import recency


def remove_views(user_ids: Sequence[int]) -> int:
    """Returns how many views there were. Counters come last in the caller's transaction, as when views are counted.

    Genres are lowered by the profiles of now.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM movies_view WHERE user_id = ANY (%s::bigint[]) RETURNING movie_id, watched_at",
            [list(user_ids)],
        )
        gone = Counter((movie_id, recency.day_of(at)) for movie_id, at in cursor.fetchall())
    if gone:
        _lower_view_counts(gone)
        _lower_genre_views(gone)
    return gone.total()


def _lower_view_counts(gone: Counter[tuple[int, date]]) -> None:
    views: Counter[int] = Counter()
    recent: Counter[int] = Counter()
    for (movie_id, day), number in gone.items():
        views[movie_id] += number
        recent[movie_id] += number * recency.weight(day, settings.POPULARITY_HALF_LIFE_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH gone AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[])
                AS gone (movie_id, views, recent)),
            locked AS (SELECT movie_id FROM movies_viewcount JOIN gone USING (movie_id)
                ORDER BY movie_id FOR NO KEY UPDATE OF movies_viewcount)
            UPDATE movies_viewcount AS kept SET views = kept.views - gone.views, recent = kept.recent - gone.recent
            FROM gone JOIN locked USING (movie_id) WHERE kept.movie_id = gone.movie_id
            """,
            [list(views), list(views.values()), list(recent.values())],
        )


def _lower_genre_views(gone: Counter[tuple[int, date]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH gone AS (
                SELECT gone.day, share.genre, sum(share.weight * gone.views) AS weight
                FROM unnest(%s::bigint[], %s::date[], %s::bigint[]) AS gone (movie_id, day, views)
                JOIN movies_movie ON movies_movie.id = gone.movie_id
                CROSS JOIN LATERAL unnest(%s::text[], movies_movie.profile) AS share (genre, weight)
                GROUP BY 1, 2),
            locked AS (SELECT day, genre FROM movies_genreviews JOIN gone USING (day, genre)
                ORDER BY day, genre FOR NO KEY UPDATE OF movies_genreviews)
            UPDATE movies_genreviews AS kept SET weight = greatest(0, kept.weight - gone.weight)
            FROM gone JOIN locked USING (day, genre) WHERE (kept.day, kept.genre) = (gone.day, gone.genre)
            """,
            [
                [movie_id for movie_id, _ in gone],
                [day for _, day in gone],
                list(gone.values()),
                list(GENRES),
            ],
        )
