"""Says what became of each message of a committed transaction: applied, superseded or skipped, in a sentence."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.conf import settings

from movies.foundation.times import written
from sessions_ingest.batches import Applied, by_message
from sessions_ingest.consumer.protocols import State
from sessions_ingest.messages import Recommendations, Session

MAX_NAMED = 5  # ids of movies in a sentence

APPLIED, DEAD_LETTERED, FAILED = State.APPLIED.value, State.DEAD_LETTERED.value, State.FAILED.value
SUPERSEDED, SKIPPED = "superseded", "skipped"  # committed, and nothing changed
STATES = (APPLIED, SUPERSEDED, SKIPPED, DEAD_LETTERED, FAILED)


class Outcome(NamedTuple):
    """What became of a message."""

    state: str  # one of STATES
    sentence: str


def outcomes(applied: Applied) -> Iterator[Outcome]:
    """The outcome of each message of the transaction, in order."""
    superseded = {
        (user, event.movie_id, event.at, event.reported_at)
        for user, change in applied.changes.items()
        for event in change.superseded()
    }
    for message, new_views in by_message(applied.messages, applied.new_views):
        if isinstance(message, Session):
            yield _of_session(message, applied, len(new_views), superseded)
        else:
            yield _of_list(message, applied)


def _of_session(message: Session, applied: Applied, views: int, superseded: set[tuple]) -> Outcome:
    if not message.events:
        return Outcome(APPLIED, "no events")
    mark = settings.FINISHED_MARK
    events = [event for event in message.events if event.movie_id in applied.existing]
    unknown = [event.movie_id for event in message.events if event.movie_id not in applied.existing]
    skipped = [f"{_number(len(unknown), 'event')} skipped: no movie {_named(unknown)}"] if unknown else []
    if not events:
        return Outcome(SKIPPED, *skipped)
    change = applied.changes[message.user_id]
    if not views and change.before == change.after:
        nothing = (
            f"{_number(len(events), 'event')}, nothing changed: on record already, or something newer is"
        )
        return Outcome(SUPERSEDED, "; ".join([nothing, *skipped]))
    parts = [f"{_number(len(events), 'event')}, {_number(views, 'new view')}"]
    known = len({(event.movie_id, event.at) for event in events if event.progress >= mark}) - views
    if known:
        parts.append(f"{_number(known, 'finish', 'finishes')} counted before, or too old to count")
    old = sum(
        (message.user_id, event.movie_id, event.at, message.sent_at) in superseded
        for event in events
        if event.progress < mark
    )
    if old:
        parts.append(f"{_number(old, 'event')} superseded: something newer is on record")
    return Outcome(APPLIED, "; ".join([*parts, *skipped]))


def _of_list(message: Recommendations, applied: Applied) -> Outcome:
    change = applied.changes[message.user_id]
    if newer := change.newer_list(message):
        return Outcome(SUPERSEDED, f"not stored: the stored list, of {written(newer)}, is newer")
    ids = set(message.movie_ids)
    if not ids:
        return Outcome(APPLIED, "an empty list is stored")
    unknown = ids - applied.existing
    listed = len(change.after.recommended)
    if not listed and unknown == ids:
        return Outcome(SKIPPED, f"an empty list is stored: no movie {_named(sorted(unknown))}")
    of = "" if listed == len(message.movie_ids) else f" of {len(message.movie_ids):,}"
    parts = [f"a list of {listed}{of} movies is stored"]
    if unknown:
        parts.append(f"{_number(len(unknown), 'id')} skipped: no movie {_named(sorted(unknown))}")
    return Outcome(APPLIED, "; ".join(parts))


def _number(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _named(ids: Sequence[int]) -> str:
    each = list(dict.fromkeys(ids))
    return ", ".join(map(str, each[:MAX_NAMED])) + (" and others" if len(each) > MAX_NAMED else "")
