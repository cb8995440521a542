"""Fixed genre preferences: those that a user was given, once, else those of the first finishes. In PostgreSQL."""

from collections.abc import Collection, Iterator, Sequence

from django.db import connection

from movies.profiles import TOTAL
from recommendations.models import Preferences
from recommendations.recommender.taste import FIXED_FINISHES


def give(user_id: int, weights: Sequence[int]) -> bool:
    """Stores the weights, which are a profile, as the user's preferences. False if some were given before."""
    _, created = Preferences.objects.get_or_create(user_id=user_id, defaults={"weights": list(weights)})
    return created


def give_each(rows: Iterator[tuple[int, Sequence[int]]]) -> int:
    """As `give`, to many users, in one statement. Returns how many had none before."""
    preferences = [(user_id, "{" + ",".join(map(str, weights)) + "}") for user_id, weights in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO recommendations_preferences (user_id, weights)
            SELECT user_id, weights::smallint[] FROM unnest(%s::bigint[], %s::text[]) AS new (user_id, weights)
            ORDER BY user_id ON CONFLICT DO NOTHING
            """,
            [[user_id for user_id, _ in preferences], [weights for _, weights in preferences]],
        )
        return int(cursor.rowcount)


def given(user_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    """The weights of those of the users that were given preferences. One statement."""
    found = Preferences.objects.filter(user_id__in=list(user_ids)).values_list("user_id", "weights")
    return {user_id: tuple(weights) for user_id, weights in found}


def users() -> Iterator[int]:
    """The ids of all users that were given preferences."""
    yield from Preferences.objects.order_by("user_id").values_list("user_id", flat=True).iterator()


def of_first_finishes(user_id: int) -> tuple[int, ...] | None:
    """The mean profile of the user's first FIXED_FINISHES finishes, as whole weights; None while there are fewer.

    The order is that of taste: by time, then movie id. Finished movies that do not exist any more do not count.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT profile FROM movies_view JOIN movies_movie ON movies_movie.id = movie_id WHERE user_id = %s
            ORDER BY coalesce(effective_at, watched_at), movie_id LIMIT %s
            """,
            [user_id, FIXED_FINISHES],
        )
        profiles = [profile for (profile,) in cursor.fetchall()]
    if len(profiles) < FIXED_FINISHES:
        return None
    return _rounded([sum(weights) for weights in zip(*profiles, strict=True)], FIXED_FINISHES)


def _rounded(sums: Sequence[int], divisor: int) -> tuple[int, ...]:
    """The sums divided, and rounded by largest remainder, so that they still sum to TOTAL."""
    weights = [number // divisor for number in sums]
    by_remainder = sorted(range(len(sums)), key=lambda place: -(sums[place] % divisor))
    for place in by_remainder[: TOTAL - sum(weights)]:
        weights[place] += 1
    return tuple(weights)
