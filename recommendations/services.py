"""What a user is shown, ready to send; and what takes a movie off that or brings it back."""

import time
from functools import partial

from movies.catalog import catalog, listed
from movies.charts import in_one_statement
from movies.genres import OVERALL
from movies.signals import Activity, activity_listeners
from recommendations import lists, stores
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
    begun = [
        b"%b%b}" % (entry, progress)
        for entry, progress in zip(found[len(chosen) :], row.progress, strict=True)
        if entry
    ]
    return [entry for entry in found[: len(chosen)] if entry], begun


def take_off(*, user_id: int, movie_id: int) -> None:
    """The movie is not shown as being watched until brought back or watched again; its progress is kept."""
    stores.current().update({user_id: partial(lists.take_off, movie_id=movie_id)})


def bring_back(*, user_id: int, movie_id: int) -> None:
    """A movie that was taken off is shown again, with its progress."""
    stores.current().update({user_id: partial(lists.bring_back, movie_id=movie_id)})
