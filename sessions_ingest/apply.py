"""Applies batches of messages in one idempotent transaction: views, user lists, counters and ingest metrics.

The transaction locks the users of the messages, records first starts, and finishes as views (a view that is on record
does not count again), updates each user's lists by the rules of recommendations/lists.py, and raises the counters.
Applying the same messages again changes nothing, as at-least-once delivery needs.
"""

import logging
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from django.conf import settings
from django.db import OperationalError, transaction
from msgspec.structs import replace

from movies.foundation import advisory_locks
from movies.foundation.database_errors import Condition, condition_of
from movies.foundation.events import Activity, activity_subscribers
from movies.viewing import view_counting
from movies.viewing.partitions import kept_since
from recommendations import stores
from recommendations.experiments import starts, untallied
from recommendations.experiments.starts import Watched
from recommendations.recommender import changed_users
from recommendations.stores.base import StoreUnavailable
from recommendations.user_lists import Event
from sessions_ingest import ingest_metrics
from sessions_ingest.batches import Applied, Batch, BatchOutcome, by_message
from sessions_ingest.list_change import ListChange
from sessions_ingest.messages import Recommendations, Session

logger = logging.getLogger(__name__)

TRIES = 4  # at a transaction that PostgreSQL aborts because of a concurrent one
LOGGED_IDS = 10  # unknown movie ids that a warning lists


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """What applying one message did, for the answer to its sender."""

    outcome: BatchOutcome
    superseded: int  # events that changed nothing, because a newer one is on record
    newer_list: datetime | None  # the time of the stored list, if that is newer than the message's list


@dataclass(slots=True)
class _ByUser:
    """The events and the newest recommendation list of each user, over all batches."""

    existing: set[int]  # ids of movies
    events: dict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))
    recs: dict[int, Recommendations] = field(default_factory=dict)
    watched: list[Watched] = field(default_factory=list)


def apply(batches: Sequence[Batch]) -> list[BatchOutcome]:
    """Commits all batches, or raises and commits none. Idempotent. Returns an outcome for each batch.

    Lists in MongoDB are written before the commit. If that write fails, nothing is counted. If the commit fails,
    the lists are ahead of the views until the messages are redelivered, which changes the lists no further.
    """
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                return _apply(batches)
        except (OperationalError, StoreUnavailable) as error:
            if attempt == TRIES or condition_of(error) is not Condition.CONFLICT:
                raise
            time.sleep(random.uniform(0, 0.05 * attempt))
    raise AssertionError("unreachable")


def apply_one(queue: str, message: Session | Recommendations) -> MessageOutcome:
    """As `apply`, for a single message; also returns what of it had no effect."""
    (outcome,) = apply([Batch(queue, [message])])
    change = outcome.applied.changes.get(message.user_id)
    if change is None:
        return MessageOutcome(outcome, 0, None)
    newer = change.newer_list(message) if isinstance(message, Recommendations) else None
    return MessageOutcome(outcome, len(change.superseded()), newer)


def _apply(batches: Sequence[Batch]) -> list[BatchOutcome]:
    outcomes = [BatchOutcome(messages=len(batch.messages), invalid=batch.invalid) for batch in batches]
    messages = [message for batch in batches for message in batch.messages]
    if messages:
        # The views of these users that this transaction reads stay valid until it ends.
        advisory_locks.acquire_each(advisory_locks.USERS, {message.user_id for message in messages})
        by_user = _group_by_user(batches, outcomes)
        untallied.mark(by_user.events)  # in one statement, before anything marks some of them once more
        starts.record(by_user.watched)
        new_views = view_counting.record_views(_finishes(by_user))
        _count_new_views(batches, outcomes, new_views)
        changes = _changes(by_user, new_views)
        _mark_unserved(by_user)  # before the lists: everybody locks marks first
        stores.current().update(changes)
        # after the store, which may be slow: these rows are locked from here until the commit
        view_counting.raise_counters(new_views)
        if new_views:
            transaction.on_commit(changed_users.wake)
        if activity_subscribers:
            transaction.on_commit(lambda: _notify_subscribers(messages, new_views))
        applied = Applied(messages, by_user.existing, new_views, changes)
        for outcome in outcomes:
            outcome.applied = applied
    ingest_metrics.record(batches, outcomes)
    return outcomes


def _mark_unserved(by_user: _ByUser) -> None:
    """Marks users whose new list names no movie: one of our own is better."""
    unserved = [rec.user_id for rec in by_user.recs.values() if by_user.existing.isdisjoint(rec.movie_ids)]
    if unserved:
        changed_users.mark(unserved)


def _group_by_user(batches: Sequence[Batch], outcomes: Sequence[BatchOutcome]) -> _ByUser:
    sessions = [
        (message, outcome)
        for batch, outcome in zip(batches, outcomes, strict=True)
        for message in batch.messages
        if isinstance(message, Session)
    ]
    recs = [
        message for batch in batches for message in batch.messages if isinstance(message, Recommendations)
    ]
    ids = {event.movie_id for message, _ in sessions for event in message.events}
    ids.update(*(message.movie_ids for message in recs))
    by_user = _ByUser(view_counting.existing(ids))
    unknown: set[int] = set()
    existing, mark = by_user.existing, settings.FINISHED_MARK
    for message, outcome in sessions:
        for event in message.events:
            if event.movie_id not in existing:
                outcome.skipped += 1
                unknown.add(event.movie_id)
                continue
            outcome.events += 1
            finished = event.progress >= mark
            by_user.events[message.user_id].append(
                Event(event.movie_id, event.progress, event.at, finished, message.sent_at, event.effective_at)
            )
            by_user.watched.append(
                Watched(
                    message.user_id, event.movie_id, event.order, event.is_rec, message.group_id, event.rated
                )
            )
    if unknown:
        skipped = sum(outcome.skipped for outcome in outcomes)
        logger.warning("%s events skipped: no such movie: %s", skipped, sorted(unknown)[:LOGGED_IDS])
    for rec in recs:
        kept = by_user.recs.get(rec.user_id)
        if kept is None or rec.at >= kept.at:
            by_user.recs[rec.user_id] = rec
    return by_user


def _finishes(by_user: _ByUser) -> dict[view_counting.Finish, datetime | None]:
    """Each finish with its effective time if that differs from its own; the earliest if it is reported twice."""
    finishes: dict[view_counting.Finish, datetime | None] = {}
    for user, events in by_user.events.items():
        for event in events:
            if event.finished:
                finish = (user, event.movie_id, event.at)
                order = min(event.order, finishes.get(finish) or event.order)
                finishes[finish] = order if order != event.at else None
    return finishes


def _count_new_views(
    batches: Sequence[Batch], outcomes: Sequence[BatchOutcome], new: set[view_counting.Finish]
) -> None:
    """Attributes each new view to the first batch that reports it."""
    each = by_message((message for batch in batches for message in batch.messages), new)
    for batch, outcome in zip(batches, outcomes, strict=True):
        outcome.views += sum(len(reported) for _, reported in islice(each, len(batch.messages)))


def _changes(by_user: _ByUser, counted_now: set[view_counting.Finish]) -> dict[int, ListChange]:
    """The change to each user's lists.

    Lists are written before views are committed. So a finish that is not counted now, and not too old to be on
    record, has changed the lists before: reported again, it must not remove a movie that came back since.
    """
    last = view_counting.last_finishes(
        (user, event.movie_id, event.order)
        for user, events in by_user.events.items()
        for event in events
        if not event.finished
    )
    recs = list(by_user.recs.values())
    finished_since = dict(
        zip(
            by_user.recs,
            view_counting.finished_after(
                [(rec.user_id, by_user.existing.intersection(rec.movie_ids), rec.at) for rec in recs]
            ),
            strict=True,
        )
    )
    since = kept_since()

    def with_view_record(user: int, event: Event) -> Event:
        if not event.finished:
            last_finish = last.get((user, event.movie_id))
            return replace(event, last_finish=last_finish) if last_finish else event
        counted_before = (user, event.movie_id, event.at) not in counted_now and (
            since is None or event.at >= since
        )
        return replace(event, counted_before=True) if counted_before else event

    return {
        user: ListChange(
            [with_view_record(user, event) for event in by_user.events.get(user, ())],
            by_user.recs.get(user),
            by_user.existing,
            finished_since.get(user, set()),
        )
        for user in by_user.events.keys() | by_user.recs.keys()
    }


def _notify_subscribers(
    messages: Sequence[Session | Recommendations], new_views: set[view_counting.Finish]
) -> None:
    now = time.time()
    for message, viewed in by_message(messages, new_views):
        user = message.user_id
        if isinstance(message, Session):
            progress = [event.progress for event in message.events]
            movies = [movie_id for _, movie_id, _ in viewed]
            for notify in activity_subscribers:
                notify(Activity("session-data", user, len(message.events), now, progress, movies))
        else:
            for notify in activity_subscribers:
                notify(Activity("recs-data", user, len(message.movie_ids), now))
