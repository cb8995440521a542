"""What a user is shown, ready to send; and what takes a movie off that or brings it back."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from django.conf import settings

from movies.catalog.movie_cache import movie_cache, render_list
from movies.catalog.popular_cache import popular_movies, popular_unfinished
from movies.foundation.database_clock import database_time
from movies.foundation.events import Activity, activity_subscribers
from movies.genres import OVERALL
from movies.viewing.view_counting import finished_after
from recommendations import lists, stores
from recommendations.lists import UserLists
from recommendations.stores.base import ServedRow

EVER = datetime.fromisoformat("0001-01-02T00:00:00+00:00")


class Shown(NamedTuple):
    """Both lists, right as of now: no movie is in both, and none is hidden or deleted."""

    recommended: Sequence[bytes]  # up to their progress, as `movie_cache.render_entry` makes them
    watching: Sequence[bytes]  # whole
    popular: bool = False  # the overall most popular, because nothing of the user's own list is left to show

    def json(self) -> bytes:
        """What the user's client gets."""
        return b'{"recommendations":%b,"currentlyWatching":[%b]}' % (
            render_list(self.recommended),
            b",".join(self.watching),
        )


def lists_for(user_id: int) -> bytes:
    """The JSON that this user's client gets. Raises what `shown_to` raises."""
    return _announced(user_id, shown_to(user_id))


def popular_instead(user_id: int) -> bytes:
    """What this user is shown while the store of lists is away: the overall popular, as in a cold start.

    Raises django.db.OperationalError when PostgreSQL is away too.
    """
    return _announced(user_id, _popular())


def shown_to(user_id: int) -> Shown:
    """What the user is shown: their own list while anything of it is left, else the overall most popular movies.

    At most two SQL statements for a list of their own. Three where nothing of it is left to show, and a few more
    where the popular list is short too or the user finished nearly all of it.

    Raises StoreUnavailable, or django.db.OperationalError, when what it reads from does not answer.
    """
    row, version = stores.current().served(user_id)
    if row is None:  # nobody has heard of this user, so there is nothing that they finished
        return _popular()
    shown = _own(row, version)
    if shown.recommended:
        return shown
    return Shown(_popular_for(user_id, row.watching), shown.watching, popular=True)


def _own(row: ServedRow, version: int) -> Shown:
    watched = row.watching
    chosen = row.recommended
    if watched:
        begun = set(watched)
        chosen = [movie for movie in chosen if movie not in begun]
    found = movie_cache.find(version, chosen + watched)
    mark = settings.FINISHED_MARK  # what is stored is below 1; a lower mark may be newer than what is stored
    return Shown(
        [entry for entry in found[: len(chosen)] if entry],
        [
            b"%b%b}" % (entry, progress)
            for entry, progress in zip(found[len(chosen) :], row.progress, strict=True)
            if entry and (mark == 1 or float(progress) < mark)
        ],
    )


def _popular() -> Shown:
    return Shown(popular_movies(OVERALL).entries[: lists.LONGEST], (), popular=True)


def _popular_for(user_id: int, watching: Sequence[int]) -> list[bytes]:
    """The overall most popular, without those being watched and those on record as ever finished."""
    popular = popular_movies(OVERALL)
    taken = finished_after([(user_id, popular.ids, EVER)])[0].union(watching)
    found = [entry for movie, entry in zip(popular.ids, popular.entries, strict=True) if movie not in taken][
        : lists.LONGEST
    ]
    missing = lists.LONGEST - len(found)
    if missing and not popular.complete:
        found += popular_unfinished(user_id, excluding=(*popular.ids, *watching), limit=missing)
    return found


def _announced(user_id: int, shown: Shown) -> bytes:
    number = len(shown.recommended) + len(shown.watching)
    for hear in activity_subscribers:
        hear(Activity("user-data", user_id, number, time.time()))
    return shown.json()


def take_off(*, user_id: int, movie_id: int) -> bool:
    """The movie is not shown as being watched until brought back or watched again; its progress is kept.

    False if it is neither being watched nor taken off: nothing is changed.
    """
    return _change(user_id, movie_id, lists.take_off)


def bring_back(*, user_id: int, movie_id: int) -> bool:
    """A movie that was taken off is shown again, in front, with its progress.

    False if it is neither being watched nor taken off: nothing is changed.
    """
    return _change(user_id, movie_id, partial(lists.bring_back, at=database_time()))


def _change(user_id: int, movie_id: int, change: Callable[[UserLists, int], UserLists]) -> bool:
    found = False

    def change_if_there(before: UserLists) -> UserLists:
        nonlocal found
        kept = lists.leave_finished(before, settings.FINISHED_MARK)
        found = movie_id in {entry.movie_id for entry in (*kept.watching, *kept.removed)}
        return change(kept, movie_id)

    stores.current().update({user_id: change_if_there})
    return found
