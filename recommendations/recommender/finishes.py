"""What users finished, from the table of views: the whole record of each user, in the order of events."""

from collections.abc import Iterable

from django.db import connection


def finished_by(user_ids: Iterable[int]) -> dict[int, list[int]]:
    """The movies that each user finished, first finish first; ordered by time, then movie id. One statement.

    A movie is named as often as it was finished. A user without a finish has no entry.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT user_id, array_agg(movie_id ORDER BY coalesce(effective_at, watched_at), movie_id)
            FROM movies_view WHERE user_id = ANY (%s::bigint[]) GROUP BY user_id
            """,
            [list(user_ids)],
        )
        return dict(cursor.fetchall())
