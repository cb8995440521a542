"""Loads the history that the evaluation walks through from the service's own tables."""

from datetime import date, timedelta
from functools import cache

import numpy as np
from django.conf import settings
from django.db import connection

from movies.profiles import TOTAL
from movies.viewing.recency import weight
from recommendations.models import Preferences
from recommendations.recommender import snapshot
from sessions_ingest.replay.history import History
from sessions_ingest.replay.moments import Taste

BATCH = 50_000
EPOCH = date(1970, 1, 1)
VIEWS = """
SELECT user_id, movie_id, (extract(epoch FROM coalesce(effective_at, watched_at)) * 1000000)::bigint AS at,
       (watched_at AT TIME ZONE 'UTC')::date - date '1970-01-01'
FROM movies_view WHERE EXISTS (SELECT FROM movies_movie WHERE id = movie_id)
ORDER BY at, movie_id, user_id
"""


def load() -> History:
    """All views of movies that exist, with the movies as they are now."""
    movies = snapshot.load()
    with connection.cursor() as cursor:
        cursor.execute(VIEWS)
        batches = iter(lambda: cursor.fetchmany(BATCH), [])
        rows = [np.array(batch, np.int64) for batch in batches]
    views = np.concatenate(rows) if rows else np.empty((0, 4), np.int64)
    # a movie that was added after the snapshot, and its views, are left out
    views = views[np.isin(views[:, 1], movies.ids)]
    user_ids, movie_ids, times, days = views.T
    half_life = settings.POPULARITY_HALF_LIFE_DAYS

    @cache
    def weight_on(day: int) -> int:
        return weight(EPOCH + timedelta(days=day), half_life)

    return History(
        movies.ids,
        movies.profiles,
        np.isin(movies.ids, movies.catalog.ids),
        user_ids,
        np.searchsorted(movies.ids, movie_ids),
        times,
        [weight_on(day) for day in days.tolist()],
        {
            given.user_id: (np.array(given.weights) / TOTAL, round(given.given_at.timestamp() * 1_000_000))
            for given in Preferences.objects.all()
        },
    )


def taste() -> Taste:
    """The settings of the service's own lists."""
    return Taste(settings.TASTE_ALPHA, settings.TASTE_SHRINKAGE, settings.POPULARITY_EXPONENT)
