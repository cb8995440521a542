"""What messages do: any number of them, in one transaction that may be repeated without harm."""

import logging
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.db import OperationalError, connection, transaction

from movies.foundation import advisory_locks
from movies.foundation.database_errors import Condition, condition_of
from movies.foundation.events import Activity, activity_subscribers
from movies.viewing import view_counting
from movies.viewing.partitions import kept_since
from recommendations import lists, stores
from recommendations.lists import NOBODY, Event, UserLists
from recommendations.stores.base import StoreUnavailable
from sessions_ingest.messages import Recommendations, Session

logger = logging.getLogger(__name__)

TRIES = 4  # of a transaction that met another one the wrong way round


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one queue, and how many more of that queue were poison."""

    queue: str
    messages: Sequence[Session | Recommendations]
    refused: int = 0


@dataclass(slots=True)
class Outcome:
    """What a batch came to."""

    messages: int = 0
    events: int = 0
    views: int = 0  # counted now, for the first time
    skipped: int = 0  # events about movies that do not exist
    poison: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What one message came to, for whoever sent it."""

    outcome: Outcome
    superseded: int  # events that changed nothing, because something newer is known
    newer_list: datetime | None  # of when the stored list is that kept a list of recommendations out


@dataclass(slots=True)
class _Plan:
    """What the batches mean, by user."""

    existing: set[int]
    events: dict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))
    recs: dict[int, Recommendations] = field(default_factory=dict)


@dataclass(slots=True)
class _Change:
    """What the messages make of one user's lists; may be called more than once."""

    events: Sequence[Event]
    rec: Recommendations | None
    existing: set[int]
    finished_since: set[int]
    # of the last call
    before: UserLists = NOBODY
    after: UserLists = NOBODY

    def __call__(self, before: UserLists) -> UserLists:
        after = lists.watched(lists.leave_finished(before, settings.FINISHED_MARK), self.events)
        if rec := self.rec:
            after = lists.recommend(after, rec.movie_ids, rec.at, self.existing, self.finished_since)
        self.before, self.after = before, after
        return after


def apply(batches: Sequence[Batch]) -> list[Outcome]:
    """All is committed, or nothing is and it raises; applying it again changes nothing. An outcome a batch.

    A store outside PostgreSQL is updated last before the commit. If that fails, nothing is counted; if the
    commit fails, the lists are ahead of the views until the messages are applied again, which changes no list.
    """
    return _retried(batches)[0]


def apply_one(queue: str, message: Session | Recommendations) -> Answer:
    """As `apply` does it; also says what of the message was left out."""
    (outcome,), changes = _retried([Batch(queue, [message])])
    change = changes.get(message.user_id)
    if change is None:
        return Answer(outcome, 0, None)
    superseded = len(lists.superseded(change.before, change.after, change.events))
    stored = change.after.recommended_at
    newer = stored if isinstance(message, Recommendations) and stored and stored > message.at else None
    return Answer(outcome, superseded, newer)


def _retried(batches: Sequence[Batch]) -> tuple[list[Outcome], dict[int, _Change]]:
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                return _apply(batches)
        except (OperationalError, StoreUnavailable) as error:
            if attempt == TRIES or condition_of(error) is not Condition.CONFLICT:
                raise
            time.sleep(random.uniform(0, 0.05 * attempt))
    raise AssertionError("unreachable")


def _apply(batches: Sequence[Batch]) -> tuple[list[Outcome], dict[int, _Change]]:
    changes: dict[int, _Change] = {}
    outcomes = [Outcome(messages=len(batch.messages), poison=batch.refused) for batch in batches]
    messages = [message for batch in batches for message in batch.messages]
    if messages:
        # what this transaction reads of these users' views stays true until it ends
        advisory_locks.acquire_each(advisory_locks.USERS, {message.user_id for message in messages})
        plan = _plan(batches, outcomes)
        new_views = view_counting.record_views(_finishes(plan))
        _count_new(batches, outcomes, new_views)
        changes = _changes(plan, new_views)
        stores.current().update(changes)
        # after a store that may take its time: until the commit, others wait for the rows from here on
        view_counting.raise_counters(new_views)
        if activity_subscribers:
            transaction.on_commit(lambda: _announce(messages, new_views))
    _record(batches, outcomes)
    return outcomes, changes


def _plan(batches: Sequence[Batch], outcomes: Sequence[Outcome]) -> _Plan:
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
    plan = _Plan(view_counting.existing(ids))
    unknown: set[int] = set()
    for message, outcome in sessions:
        for event in message.events:
            if event.movie_id not in plan.existing:
                outcome.skipped += 1
                unknown.add(event.movie_id)
                continue
            outcome.events += 1
            finished = event.progress >= settings.FINISHED_MARK
            plan.events[message.user_id].append(
                Event(event.movie_id, event.progress, event.at, finished, message.sent_at, event.effective_at)
            )
    if unknown:
        skipped = sum(outcome.skipped for outcome in outcomes)
        logger.warning("%s events skipped: no such movie: %s", skipped, sorted(unknown)[:10])
    for rec in recs:
        kept = plan.recs.get(rec.user_id)
        if kept is None or rec.at >= kept.at:
            plan.recs[rec.user_id] = rec
    return plan


def _finishes(plan: _Plan) -> dict[view_counting.Finish, datetime | None]:
    """With what each is ordered by, if that is not its own time: of one that is told twice, the earliest."""
    finishes: dict[view_counting.Finish, datetime | None] = {}
    for user, events in plan.events.items():
        for event in events:
            if event.finished:
                finish = (user, event.movie_id, event.at)
                order = min(event.order, finishes.get(finish) or event.order)
                finishes[finish] = order if order != event.at else None
    return finishes


def _count_new(batches: Sequence[Batch], outcomes: Sequence[Outcome], new: set[view_counting.Finish]) -> None:
    """Each new view is of the first batch that tells it."""
    left = set(new)
    for batch, outcome in zip(batches, outcomes, strict=True):
        for message in batch.messages:
            if left and isinstance(message, Session):
                told = {(message.user_id, event.movie_id, event.at) for event in message.events} & left
                outcome.views += len(told)
                left -= told


def _changes(plan: _Plan, counted_now: set[view_counting.Finish]) -> dict[int, _Change]:
    """What to make of each user's lists.

    Lists are written before views are committed. So any finish within the kept views that is not counted now
    has done its work before, and must not take off a movie that came back since, though it is told again.
    """
    last = view_counting.last_finishes(
        (user, event.movie_id, event.order)
        for user, events in plan.events.items()
        for event in events
        if not event.finished
    )
    recs = list(plan.recs.values())
    finished_since = dict(
        zip(
            plan.recs,
            view_counting.finished_after(
                [(rec.user_id, plan.existing.intersection(rec.movie_ids), rec.at) for rec in recs]
            ),
            strict=True,
        )
    )
    since = kept_since()

    def with_the_record(user: int, event: Event) -> Event:
        if not event.finished:
            last_finish = last.get((user, event.movie_id))
            return replace(event, last_finish=last_finish) if last_finish else event
        counted_before = (user, event.movie_id, event.at) not in counted_now and (
            since is None or event.at >= since
        )
        return replace(event, counted_before=True) if counted_before else event

    return {
        user: _Change(
            [with_the_record(user, event) for event in plan.events.get(user, ())],
            plan.recs.get(user),
            plan.existing,
            finished_since.get(user, set()),
        )
        for user in plan.events.keys() | plan.recs.keys()
    }


def _record(batches: Sequence[Batch], outcomes: Sequence[Outcome]) -> None:
    """The roll-up by minute; the last statement, because every consumer wants these rows."""
    sums: dict[str, list[int]] = {}
    oldest: dict[str, datetime] = {}
    for batch, outcome in zip(batches, outcomes, strict=True):
        one = [outcome.messages, outcome.events, outcome.views, outcome.skipped, outcome.poison]
        sums[batch.queue] = [a + b for a, b in zip(sums.get(batch.queue, [0] * 5), one, strict=True)]
        sent = [message.sent_at if isinstance(message, Session) else message.at for message in batch.messages]
        if sent:
            oldest[batch.queue] = min(*sent, oldest.get(batch.queue, sent[0]))
    queues = sorted(sums)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO sessions_ingest_ingestminute AS kept
                (minute, queue, messages, events, views, skipped, poison, slowest_ms)
            SELECT date_trunc('minute', clock_timestamp()), queue, messages, events, views, skipped, poison,
                greatest(0, coalesce(extract(epoch FROM clock_timestamp() - oldest) * 1000, 0))
            FROM unnest(%s::text[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[], %s::timestamptz[])
                AS new (queue, messages, events, views, skipped, poison, oldest)
            ON CONFLICT (minute, queue) DO UPDATE SET
                messages = kept.messages + excluded.messages, events = kept.events + excluded.events,
                views = kept.views + excluded.views, skipped = kept.skipped + excluded.skipped,
                poison = kept.poison + excluded.poison,
                slowest_ms = greatest(kept.slowest_ms, excluded.slowest_ms)
            """,
            [
                queues,
                *([sums[queue][column] for queue in queues] for column in range(5)),
                [oldest.get(queue) for queue in queues],
            ],
        )


def _announce(messages: Sequence[Session | Recommendations], new_views: set[view_counting.Finish]) -> None:
    left, now = set(new_views), time.time()
    for message in messages:
        who = message.user_id
        if isinstance(message, Session):
            told = {(who, event.movie_id, event.at) for event in message.events} & left
            left -= told
            progress = [event.progress for event in message.events]
            viewed = [movie_id for _, movie_id, _ in told]
            for hear in activity_subscribers:
                hear(Activity("session-data", who, len(message.events), now, progress, viewed))
        else:
            for hear in activity_subscribers:
                hear(Activity("recs-data", who, len(message.movie_ids), now))
