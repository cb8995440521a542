"""Why messages are dead letters, and whether a redrive helps: the parser is asked again, as it is now."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings

from movies.foundation import strict_json
from movies.foundation.numbers import MAX_BIGINT, whole_number
from sessions_ingest.dead_letters.reading import DeadLetter
from sessions_ingest.messages import InvalidMessage, parse_recs, parse_session

# the reason of a message that has none
DEAD_LETTERED_BY_SQS = "dead-lettered by SQS after too many deliveries: the worker's log has the errors"
# What differs between messages of one kind: places in lists, and the values that a reason quotes.
PLACE = re.compile(r"\[\d+\]")
VALUE = re.compile(r"^((?:[\w.\[\]]+: )?).+? (is (?:not |before |more than ).*)$")
SENDING = re.compile(r", \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$")


class Prospect(StrEnum):
    """What becomes of a message that is redriven as it is."""

    RETURNS = "comes back"  # the consumer refuses it for what it is
    WORKS = "valid"  # the consumer does not refuse it
    UNKNOWN = "not checked"  # another program reads the queue


@dataclass(slots=True)
class Group:
    """Dead letters of one queue with the same kind of reason and the same prospect."""

    reason: str
    prospect: Prospect
    letters: list[DeadLetter] = field(default_factory=list)


def problem(queue: str, body: str, sent_at: datetime) -> str:
    """Why the consumer of the queue refuses this body; "" if it does not, or if another program consumes it."""
    if parse := _parsers().get(queue):
        try:
            parse(body, sent_at)
        except InvalidMessage as error:
            return str(error)
    return ""


def is_checked(queue: str) -> bool:
    """Whether this service consumes the queue, and so knows what a valid message is."""
    return queue in _parsers()


def prospect_of(letter: DeadLetter) -> Prospect:
    """What becomes of the letter when it is redriven as it is."""
    if not is_checked(letter.queue):
        return Prospect.UNKNOWN
    return Prospect.RETURNS if problem(letter.queue, letter.body, letter.sent_at) else Prospect.WORKS


def grouped(letters: Iterable[DeadLetter]) -> list[Group]:
    """The letters by kind of reason, the largest group first."""
    groups: dict[tuple[str, Prospect], Group] = {}
    for letter in letters:
        key = kind_of(letter.reason), prospect_of(letter)
        groups.setdefault(key, Group(*key)).letters.append(letter)
    return sorted(groups.values(), key=lambda group: -len(group.letters))


def kind_of(reason: str) -> str:
    """The reason without what differs between messages: `events[].id: ... is not` of `events[3].id: 7 is not`."""
    if not reason:
        return DEAD_LETTERED_BY_SQS
    return VALUE.sub(r"\1... \2", SENDING.sub("", PLACE.sub("[]", reason)))


def user_of(body: str) -> int | None:
    """The id of the user that the body names, also if the body is invalid otherwise."""
    try:
        value = strict_json.loads(body)
    except strict_json.BadJson:
        return None
    user = value.get("userId") if isinstance(value, dict) else None
    if isinstance(user, int) and not isinstance(user, bool):
        return user if 0 < user <= MAX_BIGINT else None
    return whole_number(user)


def _parsers() -> dict[str, Callable[[str, datetime], Any]]:
    return {settings.SESSION_QUEUE: parse_session, settings.RECS_QUEUE: parse_recs}
