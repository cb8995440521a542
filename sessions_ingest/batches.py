"""A batch of messages from one queue, and what applying it did."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from movies.viewing.view_counting import Finish
from sessions_ingest.list_change import ListChange
from sessions_ingest.messages import Recommendations, Session

Message = Session | Recommendations


@dataclass(frozen=True, slots=True)
class Batch:
    """Valid messages of one queue, and how many invalid ones were received with them."""

    queue: str  # "": messages that no queue brought, which are not measured
    messages: Sequence[Message]
    invalid: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """What one transaction knew and did, from which `message_log.outcomes` says what became of each message."""

    messages: Sequence[Message]  # of all its batches, in order
    existing: set[int]  # ids that are movies, of those in the messages
    new_views: set[Finish]
    changes: Mapping[int, ListChange]  # by user


NOTHING = Applied((), set(), set(), {})


@dataclass(slots=True)
class BatchOutcome:
    """What applying a batch did, in numbers."""

    messages: int = 0
    events: int = 0
    views: int = 0  # new ones; a repeated finish is not counted
    skipped: int = 0  # events about movies that do not exist
    invalid: int = 0
    applied: Applied = field(default=NOTHING, compare=False, repr=False)


def by_message(messages: Iterable[Message], new_views: set[Finish]) -> Iterator[tuple[Message, set[Finish]]]:
    """Each message with the new views that it is the first to report."""
    left = set(new_views)
    for message in messages:
        reported: set[Finish] = set()
        if left and isinstance(message, Session):
            reported = {(message.user_id, event.movie_id, event.at) for event in message.events} & left
            left -= reported
        yield message, reported
