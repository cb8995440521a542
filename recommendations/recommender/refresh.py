"""Makes the own lists of changed users, in batches: each user by one worker at a time; a kill loses nothing."""

import functools
import itertools
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from movies.foundation.database_clock import database_time
from movies.viewing.recency import recount_if_changed
from recommendations import lists, preferences, stores
from recommendations.experiments import lifecycle
from recommendations.recommender import changed_users
from recommendations.recommender.recommender import Made, make_lists
from recommendations.recommender.records import records_of
from recommendations.user_lists import UserLists

MAX_AGE_HOURS = 24
MARKED_AT_A_TIME = 10_000  # users
PAUSE_SECONDS = 0.2  # between two looks for marked users that are not due
BATCH = 512  # users of a transaction: about half a second at 300,000 movies


class Refreshed(NamedTuple):
    """What was done: users looked at, and lists made. The others' lists are held by the bus, or nothing is known."""

    users: int
    lists: int

    def plus(self, other: "Refreshed") -> "Refreshed":
        """Both together."""
        return Refreshed(self.users + other.users, self.lists + other.lists)


NOTHING = Refreshed(0, 0)


def refresh_changed(*, seconds: float) -> Refreshed:
    """Makes the lists of marked users until none is due, or for about `seconds`.

    Raises StoreUnavailable; users whose batch failed stay marked.
    """
    recount_if_changed()
    until = time.monotonic() + seconds
    total = NOTHING
    while time.monotonic() < until:
        # in any order, so that two workers seldom meet at a lane
        lanes = random.sample(range(changed_users.LANES), changed_users.LANES)
        done = functools.reduce(Refreshed.plus, map(_refresh_lane, lanes))
        total = total.plus(done)
        if not done.users:
            break
    return total


def refresh_all(user_ids: Iterable[int]) -> Iterator[Refreshed]:
    """Marks the users, and makes lists until all of these marks are cleared, by whichever process.

    Yields what was done so far by this process. Raises StoreUnavailable: the users stay marked.
    """
    ids = iter(user_ids)
    while batch := list(itertools.islice(ids, MARKED_AT_A_TIME)):
        changed_users.mark_for_later(batch)
    last = changed_users.last_mark()
    total = NOTHING
    while changed_users.waiting(up_to=last).users:
        done = refresh_changed(seconds=1)
        if not done.users:  # other workers have them, or they were seen a moment ago
            time.sleep(PAUSE_SECONDS)
        total = total.plus(done)
        yield total


def mark_old_lists() -> int:
    """Marks users whose list was not looked at for MAX_AGE_HOURS, or since an experiment started or stopped.

    Returns how many. So the lists of users who finish nothing follow inventory and popularity, ours replace those of
    the bus that are held no more, and an experiment has all of its users.
    """
    marked, oldest = 0, database_time() - timedelta(hours=MAX_AGE_HOURS)
    if changed_at := lifecycle.last_change():
        oldest = max(oldest, changed_at)
    while ids := changed_users.seen_before(oldest, MARKED_AT_A_TIME):
        changed_users.mark_for_later(ids)
        marked += len(ids)
    return marked


def everybody() -> Iterator[int]:
    """The ids of all users with lists or preferences. Raises StoreUnavailable."""
    after = 0
    while ids := stores.current().ids(after, MARKED_AT_A_TIME):
        yield from ids
        after = ids[-1]
    yield from preferences.users()


def _refresh_lane(lane: int) -> Refreshed:
    with transaction.atomic():
        if not changed_users.try_lane(lane):
            return NOTHING
        changed = changed_users.due(lane, BATCH)
        if not changed:
            return NOTHING
        made = _made([user_id for user_id, _ in changed], database_time())
        # Marks before lists: in the order in which ingestion locks them.
        changed_users.clear(changed)
        stores.current().update(made)
    return Refreshed(len(changed), len(made))


def _made(user_ids: Collection[int], at: datetime) -> dict[int, Callable[[UserLists], UserLists]]:
    """The change of lists of each user whose list is not held by the bus. Freezes fixed preferences."""
    hold = timedelta(days=settings.BUS_LISTS_HOLD_DAYS)
    known = records_of(user_ids)
    preferences.freeze(
        {user: record.first for user, record in known.items() if record.first and record.first_is_new}
    )
    records = {
        user_id: record
        for user_id, record in known.items()
        if not lists.is_held(record.lists, at, hold)  # which saves making a list
    }
    return {
        user_id: partial(_change, made=made, at=at, hold=hold)
        for user_id, made in make_lists(records).items()
    }


def _change(before: UserLists, *, made: Made, at: datetime, hold: timedelta) -> UserLists:
    kept = lists.drop_finished(before, settings.FINISHED_MARK)
    held = hold if lists.is_held(kept, at, hold) else timedelta(0)
    return lists.recommend_own(kept, made.movie_ids, at, made.made_by, held, made.trial)
