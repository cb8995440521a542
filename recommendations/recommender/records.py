"""What is on record about users and decides their own lists: finishes, preferences, and what to leave out."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain

from django.conf import settings
from django.db import connection

from recommendations import preferences, stores
from recommendations.lists import drop_finished
from recommendations.models import Rater
from recommendations.preferences import Finish, FirstOnes
from recommendations.user_lists import EMPTY_LISTS, FIXED_FINISHES, UserLists


@dataclass(frozen=True, slots=True)
class Record:
    """One user's record."""

    finished: tuple[int, ...]  # movies as often as they were finished, in the order of time, then movie id
    given: tuple[int, ...] | None  # weights of the preferences, if the user was given some
    lists: UserLists
    first: FirstOnes | None = None  # the first finishes, if there are enough
    first_is_new: bool = False  # they are not stored yet
    rates: bool = False  # an event with a rating is known

    @property
    def has_fixed_preferences(self) -> bool:
        """Whether the user was given preferences, or has finished enough."""
        return self.given is not None or self.first is not None

    @property
    def unwanted(self) -> set[int]:
        """Movies that no own list may hold: finished, being watched, taken off, and dismissed ones."""
        entries = (*self.lists.watching, *self.lists.removed)
        reported = (finish.movie_id for finish in self.lists.finished)
        return {
            *self.finished,
            *self.lists.dismissed,
            *chain(reported, (entry.movie_id for entry in entries)),
        }

    @property
    def says_something(self) -> bool:
        """Whether there is anything to recommend by; without it the most popular movies are shown as they are now."""
        return bool(self.finished) or self.given is not None


def records_of(user_ids: Collection[int]) -> dict[int, Record]:
    """The records of all of these users, in five statements, and one more for new first finishes.

    Raises StoreUnavailable.
    """
    finished, seen = _finished_by(user_ids)
    given, found = preferences.given(user_ids), preferences.first_finishes(seen)
    raters = set(Rater.objects.filter(user_id__in=list(user_ids)).values_list("user_id", flat=True))
    kept = stores.current().read_each(user_ids)
    mark = settings.FINISHED_MARK
    return {
        user_id: Record(
            tuple(finished.get(user_id, ())),
            given.get(user_id),
            drop_finished(kept.get(user_id, EMPTY_LISTS), mark),
            found.first.get(user_id),
            user_id in found.new,
            user_id in raters,
        )
        for user_id in user_ids
    }


def _finished_by(user_ids: Collection[int]) -> tuple[dict[int, list[int]], dict[int, list[Finish]]]:
    """The movies that each user finished, in order, and the first finishes with their times."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT user_id, array_agg(movie_id ORDER BY at, movie_id),
                (array_agg(at ORDER BY at, movie_id))[1:%s]
            FROM (SELECT user_id, movie_id, coalesce(effective_at, watched_at) AS at
                  FROM movies_view WHERE user_id = ANY (%s::bigint[])) AS finish
            GROUP BY user_id
            """,
            [FIXED_FINISHES, list(user_ids)],
        )
        rows = cursor.fetchall()
    return (
        {user_id: movies for user_id, movies, _ in rows},
        {user_id: list(map(Finish, times, movies)) for user_id, movies, times in rows},
    )
