"""What is on record about users and decides their own lists: finishes, preferences, and what to leave out."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain

from django.conf import settings
from django.db import connection

from recommendations import preferences, stores
from recommendations.lists import drop_finished
from recommendations.user_lists import EMPTY_LISTS, UserLists


@dataclass(frozen=True, slots=True)
class Record:
    """One user's record."""

    finished: tuple[int, ...]  # movies as often as they were finished, in the order of time, then movie id
    given: tuple[int, ...] | None  # weights of the preferences, if the user was given some
    lists: UserLists

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
    """The records of all of these users, in three statements. Raises StoreUnavailable."""
    finished, given = _finished_by(user_ids), preferences.given(user_ids)
    kept = stores.current().read_each(user_ids)
    mark = settings.FINISHED_MARK
    return {
        user_id: Record(
            tuple(finished.get(user_id, ())),
            given.get(user_id),
            drop_finished(kept.get(user_id, EMPTY_LISTS), mark),
        )
        for user_id in user_ids
    }


def _finished_by(user_ids: Collection[int]) -> dict[int, list[int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT user_id, array_agg(movie_id ORDER BY coalesce(effective_at, watched_at), movie_id)
            FROM movies_view WHERE user_id = ANY (%s::bigint[]) GROUP BY user_id
            """,
            [list(user_ids)],
        )
        return dict(cursor.fetchall())
