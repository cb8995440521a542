"""Fixed genre preferences: those that a user was given, once, else the first finishes. In PostgreSQL.

The first finishes are stored as soon as there are FIXED_FINISHES, with the profiles of then, and stay: neither
an edit of a movie nor a dropped month of views changes them. Only an earlier finish that arrives late does, so that
they do not depend on the order of arrival.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from movies.genres import GENRES
from movies.profiles import TOTAL
from movies.viewing.partitions import kept_since
from recommendations.models import Preferences
from recommendations.user_lists import FIXED_FINISHES

Weights = tuple[int, ...]  # of the 15 genres


FREEZE = """
INSERT INTO recommendations_firstfinishes (user_id, movie_ids, finished_at, profiles)
SELECT user_id, movie_ids::bigint[], finished_at::timestamptz[], profiles::smallint[]
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS new (user_id, movie_ids, finished_at, profiles)
ORDER BY user_id
ON CONFLICT (user_id) DO UPDATE
SET (movie_ids, finished_at, profiles) = ROW(excluded.movie_ids, excluded.finished_at, excluded.profiles)
"""


class Finish(NamedTuple):
    """A finish, in the order of taste: by time, then movie id."""

    at: datetime
    movie_id: int


FirstOnes = dict[Finish, Weights]  # FIXED_FINISHES finishes in their order, with the profiles of their movies


def give(user_id: int, weights: Sequence[int]) -> bool:
    """Stores the weights, which are a profile, as the user's preferences. False if some were given before."""
    _, created = Preferences.objects.get_or_create(user_id=user_id, defaults={"weights": list(weights)})
    return created


def give_each(rows: Iterator[tuple[int, Sequence[int]]], *, at: datetime | None = None) -> int:
    """As `give`, to many users, as of now or another time, in one statement. Returns how many had none before."""
    preferences = [(user_id, "{" + ",".join(map(str, weights)) + "}") for user_id, weights in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO recommendations_preferences (user_id, weights, given_at)
            SELECT user_id, weights::smallint[], coalesce(%s, now())
            FROM unnest(%s::bigint[], %s::text[]) AS new (user_id, weights)
            ORDER BY user_id ON CONFLICT DO NOTHING
            """,
            [at, [user_id for user_id, _ in preferences], [weights for _, weights in preferences]],
        )
        return int(cursor.rowcount)


def given(user_ids: Collection[int]) -> dict[int, Weights]:
    """The weights of those of the users that were given preferences. One statement."""
    found = Preferences.objects.filter(user_id__in=list(user_ids)).values_list("user_id", "weights")
    return {user_id: tuple(weights) for user_id, weights in found}


def users() -> Iterator[int]:
    """The ids of all users that were given preferences."""
    yield from Preferences.objects.order_by("user_id").values_list("user_id", flat=True).iterator()


class Found(NamedTuple):
    """The first finishes of users, and which of them are not stored yet."""

    first: dict[int, FirstOnes]
    new: set[int]


def first_finishes(seen: Mapping[int, Sequence[Finish]]) -> Found:
    """The first finishes of those of the users that have enough. At most two statements.

    `seen` are each user's first finishes on record, FIXED_FINISHES or all that there are.
    """
    stored = _stored(seen)
    since = kept_since()
    unclear = [
        user_id for user_id, finishes in seen.items() if not _agrees(stored.get(user_id), finishes, since)
    ]
    if not unclear:
        return Found(stored, set())
    found = _from_views(unclear, stored, since)
    return Found(stored | found, {user_id for user_id in found if found[user_id] != stored.get(user_id)})


def freeze(first: Mapping[int, FirstOnes]) -> None:
    """Stores the first finishes of these users, in one statement."""
    if not first:
        return
    users = sorted(first)
    columns = (
        users,
        [_array(finish.movie_id for finish in first[user]) for user in users],
        [_array(f'"{finish.at.isoformat()}"' for finish in first[user]) for user in users],
        [_array(chain.from_iterable(first[user].values())) for user in users],
    )
    with connection.cursor() as cursor:
        cursor.execute(FREEZE, columns)


def _array(values: Iterable[object]) -> str:
    """The literal of an array, because unnest takes no arrays of arrays."""
    return f"{{{','.join(map(str, values))}}}"


def of_first_finishes(user_id: int) -> Weights | None:
    """The mean profile of the user's first finishes, as whole weights; None while there are too few."""
    first = first_finishes({user_id: _first_on_record(user_id)}).first.get(user_id)
    if first is None:
        return None
    return tuple(mean_profiles(np.array([list(first.values())]))[0].tolist())


def mean_profiles(profiles: NDArray[np.integer]) -> NDArray[np.int64]:
    """The mean of each user's profiles (users x profiles x genres), as whole weights that sum to TOTAL.

    They are rounded by largest remainder.
    """
    sums = profiles.sum(axis=1, dtype=np.int64)
    weights, remainders = np.divmod(sums, profiles.shape[1])
    missing = TOTAL - weights.sum(axis=1)
    by_remainder = np.argsort(np.argsort(-remainders, axis=1, kind="stable"), axis=1)
    return weights + (by_remainder < missing[:, np.newaxis])


def _stored(user_ids: Iterable[int]) -> dict[int, FirstOnes]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT user_id, finished_at, movie_ids, profiles FROM recommendations_firstfinishes"
            " WHERE user_id = ANY (%s::bigint[])",
            [list(user_ids)],
        )
        return {
            user_id: dict(zip(map(Finish, times, movies), _profiles(weights), strict=True))
            for user_id, times, movies, weights in cursor.fetchall()
        }


def _profiles(weights: Sequence[int]) -> Iterator[Weights]:
    """The weights of several profiles, one after the other, as profiles."""
    size = len(GENRES)
    return (tuple(weights[start : start + size]) for start in range(0, len(weights), size))


def _agrees(stored: FirstOnes | None, seen: Sequence[Finish], since: datetime | None) -> bool:
    """Whether the finishes on record lead to what is stored, without looking at movies that were deleted."""
    if stored is None:
        return len(seen) < FIXED_FINISHES
    last = max(stored)
    on_record = {finish for finish in stored if since is None or finish.at >= since}
    return {finish for finish in seen if finish <= last} == on_record


def _from_views(
    user_ids: Sequence[int], stored: Mapping[int, FirstOnes], since: datetime | None
) -> dict[int, FirstOnes]:
    """The first finishes of stored ones that are too old to be on record, and of those on record.

    A movie that does not exist any more counts if its profile is stored.
    """
    known = {finish.movie_id for user_id in user_ids for finish in stored.get(user_id, ())}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT asked.user_id, first.at, first.movie_id, first.profile
            FROM unnest(%s::bigint[]) AS asked (user_id) CROSS JOIN LATERAL (
                SELECT coalesce(effective_at, watched_at) AS at, movie_id, profile
                FROM movies_view LEFT JOIN movies_movie ON movies_movie.id = movie_id
                WHERE movies_view.user_id = asked.user_id
                AND (profile IS NOT NULL OR movie_id = ANY (%s::bigint[]))
                ORDER BY 1, 2 LIMIT %s
            ) AS first
            """,
            # with stored ones, some of those found may have no profile for their user
            [list(user_ids), list(known), FIXED_FINISHES * (2 if known else 1)],
        )
        rows = cursor.fetchall()
    found: dict[int, FirstOnes] = {user_id: {} for user_id in user_ids}
    frozen: dict[int, dict[int, Weights]] = {}
    for user_id in stored.keys() & found.keys():
        old = stored[user_id]
        found[user_id] = {finish: old[finish] for finish in old if since and finish.at < since}
        frozen[user_id] = {finish.movie_id: weights for finish, weights in old.items()}
    for user_id, at, movie_id, profile in rows:
        kept = frozen.get(user_id, {}).get(movie_id)
        if kept or profile:
            found[user_id][Finish(at, movie_id)] = kept or tuple(profile)
    return {
        user_id: {finish: finishes[finish] for finish in sorted(finishes)[:FIXED_FINISHES]}
        for user_id, finishes in found.items()
        if len(finishes) >= FIXED_FINISHES
    }


def _first_on_record(user_id: int) -> list[Finish]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(effective_at, watched_at), movie_id FROM movies_view WHERE user_id = %s"
            " ORDER BY 1, 2 LIMIT %s",
            [user_id, FIXED_FINISHES],
        )
        return [Finish(*row) for row in cursor.fetchall()]
