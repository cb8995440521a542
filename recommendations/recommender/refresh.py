"""Makes the own lists of changed users, in batches: each user by one worker at a time; a kill loses nothing."""

import random
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from movies.foundation.database_clock import database_time
from movies.viewing.recency import recount_if_changed
from recommendations import lists, stores
from recommendations.recommender import changed_users
from recommendations.recommender.recommender import make_lists
from recommendations.recommender.records import Record, records_of
from recommendations.user_lists import BUS, UserLists

BATCH = 512  # users of a transaction: about half a second at 300,000 movies


def refresh_changed(*, seconds: float, progress: Callable[[int], None] = lambda done: None) -> int:
    """Makes the lists of marked users until none is due, or for about `seconds`. Returns how many users it handled.

    Calls `progress` with the number of users after each batch. Raises StoreUnavailable; users whose batch failed stay
    marked.
    """
    recount_if_changed()
    until = time.monotonic() + seconds
    handled = 0
    while time.monotonic() < until:
        found = 0
        # in any order, so that two workers seldom meet at a lane
        for lane in random.sample(range(changed_users.LANES), changed_users.LANES):
            done = _refresh_lane(lane)
            progress(done)
            found += done
        handled += found
        if not found:
            break
    return handled


def _refresh_lane(lane: int) -> int:
    with transaction.atomic():
        if not changed_users.try_lane(lane):
            return 0
        changed = changed_users.due(lane, BATCH)
        if changed:
            at = database_time()
            made = _made([user_id for user_id, _ in changed], at)
            # Marks before lists: in the order in which ingestion locks them.
            changed_users.clear(changed)
            stores.current().update(made)
    return len(changed)


def _made(user_ids: Collection[int], at: datetime) -> dict[int, Callable[[UserLists], UserLists]]:
    """The change of lists of each user whose list is not held by the bus."""
    hold = timedelta(days=settings.BUS_LISTS_HOLD_DAYS)
    records = {
        user_id: record for user_id, record in records_of(user_ids).items() if not _held(record, at, hold)
    }
    strategy, made = make_lists(records)
    return {
        user_id: partial(_change, movie_ids=movie_ids, at=at, strategy=strategy, hold=hold)
        for user_id, movie_ids in made.items()
    }


def _change(
    before: UserLists, *, movie_ids: list[int], at: datetime, strategy: str, hold: timedelta
) -> UserLists:
    kept = lists.drop_finished(before, settings.FINISHED_MARK)
    return lists.recommend_own(kept, movie_ids, at, strategy, hold)


def _held(record: Record, at: datetime, hold: timedelta) -> bool:
    """Whether a list from the bus stays, which saves making another."""
    sent = record.lists.recommended_at
    return record.lists.recommended_by == BUS and sent is not None and at < sent + hold
