"""What a user is shown, ready to send; and what takes a movie off that or brings it back."""

import time
from collections.abc import Callable
from functools import partial

from django.conf import settings

from movies.catalog import catalog, listed
from movies.charts import in_one_statement
from movies.clock import database_time
from movies.genres import OVERALL
from movies.signals import Activity, activity_listeners
from recommendations import lists, stores
from recommendations.lists import UserLists
from recommendations.stores.base import ServedRow


def lists_for(user_id: int) -> bytes:
    """The JSON that this user's client gets, right as of now. At most two SQL statements.

    Raises StoreUnavailable, or django.db.OperationalError, when what it reads from does not answer.
    """
    row, version = stores.current().served(user_id)
    watching: list[bytes] = []
    if row is None:  # nobody has heard of this user
        recommended = list(in_one_statement(OVERALL, lists.LONGEST))
    else:
        recommended, watching = _shown(row, version)
    for hear in activity_listeners:
        hear(Activity("user-data", user_id, len(recommended) + len(watching), time.time()))
    return b'{"recommendations":%b,"currentlyWatching":[%b]}' % (listed(recommended), b",".join(watching))


def popular_instead(user_id: int) -> bytes:
    """What this user is shown while the store of lists is away: the overall popular, as in a cold start.

    Raises django.db.OperationalError when PostgreSQL is away too.
    """
    popular = in_one_statement(OVERALL, lists.LONGEST)
    for hear in activity_listeners:
        hear(Activity("user-data", user_id, len(popular), time.time()))
    return b'{"recommendations":%b,"currentlyWatching":[]}' % listed(popular)


def _shown(row: ServedRow, version: int) -> tuple[list[bytes], list[bytes]]:
    """The same as lists.served, on ready-made entries."""
    watched = row.watching
    chosen = lists.unwatched(row.recommended, watched) if watched else row.recommended
    found = catalog.find(version, chosen + watched)
    mark = (
        settings.FINISHED_MARK
    )  # of 1, what is stored is below; a lower one may be newer than what is stored
    begun = [
        b"%b%b}" % (entry, progress)
        for entry, progress in zip(found[len(chosen) :], row.progress, strict=True)
        if entry and (mark == 1 or float(progress) < mark)
    ]
    return [entry for entry in found[: len(chosen)] if entry], begun


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
