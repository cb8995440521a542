"""Further rows of a user's page: the genres that the user watches most, and movies like the one finished last."""

from typing import NamedTuple

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from movies.catalog.movie_cache import movie_cache
from movies.catalog.popular_cache import popular_movies
from movies.genres import GENRES, OVERALL
from movies.profiles import TOTAL
from recommendations import stores
from recommendations.lists import MAX_LIST_LENGTH
from recommendations.recommender.catalog import Catalog, Positions
from recommendations.recommender.records import Record, records_of
from recommendations.recommender.snapshot import Current, Snapshot
from recommendations.recommender.taste import KEPT_FINISHES, Profiles, modelled

TOP_GENRES = 3
NEAREST = 100  # movies by profile, of which the most viewed ones are shown: the nearest alone are often unknown ones


class TopGenre(NamedTuple):
    """A genre, and its share of what the user finished, prefers or is recommended."""

    genre: str
    share: float


class FurtherRows(NamedTuple):
    """`like` are movies like `finished`, as `movie_cache` has them; None and empty while nothing is finished."""

    genres: list[TopGenre]
    finished: bytes | None
    like: list[bytes]


def further_rows(user_id: int, movies: Current) -> FurtherRows:
    """The rows, as of the given movies; movies that were hidden since are left out. About seven SQL statements.

    Raises StoreUnavailable, or django.db.OperationalError.
    """
    record = records_of([user_id])[user_id]
    loaded, gone = movies
    catalog = loaded.catalog
    genres = _top_genres(record, loaded)
    latest = catalog.positions(record.finished[: -KEPT_FINISHES - 1 : -1])  # of those that are visible
    if not len(latest):
        return FurtherRows(genres, None, [])
    unwanted = catalog.positions(sorted(record.unwanted | gone))
    alike = most_viewed_alike(catalog, int(latest[0]), unwanted)
    ids = catalog.ids[[latest[0], *alike]].tolist()
    _, version = stores.current().served(user_id)
    finished, *like = movie_cache.find(version, ids)
    return FurtherRows(genres, finished, [movie for movie in like if movie] if finished else [])


def most_viewed_alike(catalog: Catalog, movie: int, unwanted: Positions) -> Positions:
    """Of the NEAREST movies by profile, without those unwanted, the MAX_LIST_LENGTH most viewed ones."""
    difference = catalog.profiles.astype(np.int16) - catalog.profiles[movie]
    distance: NDArray[np.int32] = np.einsum("ij,ij->i", difference, difference, dtype=np.int32)
    free = np.ones(len(catalog), bool)
    free[movie], free[unwanted] = False, False
    candidates = np.flatnonzero(free)
    if len(candidates) > NEAREST:
        candidates = candidates[np.argpartition(distance[candidates], NEAREST)[:NEAREST]]
    return candidates[np.lexsort((candidates, -catalog.views[candidates]))][:MAX_LIST_LENGTH]


def _top_genres(record: Record, loaded: Snapshot) -> list[TopGenre]:
    """Of the finishes and preferences, in which the newest finishes count most; else of the list that is shown."""
    uniform = np.full(len(GENRES), 1 / len(GENRES))
    finished = loaded.profiles_of(record.finished)
    given = None if record.given is None else np.array(record.given) / TOTAL
    if len(finished) or given is not None:
        shares = modelled(finished, given=given, population=uniform, alpha=settings.TASTE_ALPHA, shrinkage=0)
    else:
        shares = _mean(loaded.profiles_of(record.lists.recommended or popular_movies(OVERALL).ids))
    order = np.argsort(-shares, kind="stable")[:TOP_GENRES].tolist()
    return [TopGenre(GENRES[place], round(float(shares[place]), 4)) for place in order if shares[place] > 0]


def _mean(profiles: Profiles) -> NDArray[np.float64]:
    return profiles.mean(axis=0) if len(profiles) else np.zeros(len(GENRES))
