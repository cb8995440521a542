"""Parses and validates the messages of the sister services; an invalid one raises InvalidMessage with its reason."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar

import msgspec

from movies.foundation import strict_json
from movies.foundation.numbers import MAX_BIGINT, whole_number

T = TypeVar("T")

MAX_SHOWN_CHARACTERS = 60  # of an invalid value that a reason quotes
MAX_GROUP_CHARACTERS = 40  # of a `groupId` that is kept
# Bounds of an event's time: clocks and zones are wrong by hours, and Node's clocks start at 1970.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MAX_AHEAD = timedelta(hours=24)  # of the message's sending
MAX_PER_MILLISECOND = 999  # microseconds within one, to order events by
MICROSECOND = timedelta(microseconds=1)


class InvalidMessage(ValueError):
    """A message that can never be applied: `reason` is what is wrong with `field` ("" for the whole message)."""

    def __init__(self, field: str, reason: str) -> None:
        self.field, self.reason = field, reason
        super().__init__(f"{field}: {reason}" if field else reason)


class WatchEvent(msgspec.Struct, frozen=True, gc=False):
    """One event: how far a user got in a movie, and when (UTC). The movie may not exist."""

    movie_id: int
    progress: float  # 0..1
    at: datetime  # as stated
    # The time to order the event by if `at` is ahead of the message's sending: about the sending time.
    effective_at: datetime | None = None
    is_rec: bool | None = (
        None  # whether the sender says that the movie was recommended; None: it says nothing
    )
    rated: bool = False  # whether the event has a rating

    @property
    def order(self) -> datetime:
        """The time to order the event by."""
        return self.effective_at or self.at


class Session(msgspec.Struct, frozen=True, gc=False):
    """A session-data message. `sent_at` has millisecond precision, as SQS reports it."""

    user_id: int
    events: tuple[WatchEvent, ...]
    sent_at: datetime
    group_id: str | None = None  # the sender's name of the user's group; None: it names none


class Recommendations(msgspec.Struct, frozen=True, gc=False):
    """A recommendations message. `at` is when it was sent, with millisecond precision.

    The ids are best first, as received: they may repeat or not exist.
    """

    user_id: int
    movie_ids: tuple[int, ...]
    at: datetime


class _Movie(msgspec.Struct):
    id: int
    isRec: Any = None  # noqa: N815
    rating: Any = None


class _Event(msgspec.Struct):
    movie: _Movie
    progress: float
    # two names, because Events sends one and the system's README documents the other
    timestamp: str | None = None
    startTime: str | None = None  # noqa: N815
    rating: Any = None


class _Session(msgspec.Struct):
    userId: int | str  # noqa: N815
    events: list[_Event]
    groupId: Any = None  # noqa: N815


class _Recommendations(msgspec.Struct):
    userId: int | str  # noqa: N815  -- Recommendations sends a string of digits
    rec: list[int]


_KEYS = {
    name for kind in (_Movie, _Event, _Session, _Recommendations) for name in kind.__struct_encode_fields__
}


def parse_session(body: str | bytes, sent_at: datetime, *, most: int | None = None) -> Session:
    """Parses a session-data message; events without a time get `sent_at`. Raises InvalidMessage.

    More than `most` events are invalid (None: any number is valid).
    """
    message = _decode(body, _Session)
    user_id = _user_id(message.userId)
    _check_length("events", message.events, most)
    sent_at = _milliseconds(sent_at)
    events: list[WatchEvent] = []
    try:
        for event in message.events:
            events.append(_watched(event, sent_at))
    except InvalidMessage as error:
        raise InvalidMessage(f"events[{len(events)}].{error.field}", error.reason) from None
    return Session(user_id, tuple(_in_order(events, sent_at)), sent_at, _group_id(message.groupId))


def parse_recs(body: str | bytes, sent_at: datetime, *, most: int | None = None) -> Recommendations:
    """Parses a recommendations message sent at `sent_at`. Raises InvalidMessage, also for more than `most` ids."""
    message = _decode(body, _Recommendations)
    user_id = _user_id(message.userId)
    _check_length("rec", message.rec, most)
    return Recommendations(user_id, tuple(message.rec), _milliseconds(sent_at))


def _check_length(field: str, items: list[Any], most: int | None) -> None:
    if most is not None and len(items) > most:
        raise InvalidMessage(
            field,
            f"{len(items):,} items; one request takes at most {most:,}: send the rest in others",
        )


def _milliseconds(sent_at: datetime) -> datetime:
    """Truncated to the precision of SQS, so that HTTP requests and messages of the same instant compare equal."""
    return sent_at.replace(microsecond=sent_at.microsecond // 1000 * 1000)


def _watched(event: _Event, sent_at: datetime) -> WatchEvent:
    if not 0 <= event.progress <= 1:
        raise InvalidMessage("progress", f"{_shown(event.progress)} is not between 0 and 1")
    movie = event.movie
    at = sent_at
    if event.timestamp is not None:
        at = _time("timestamp", event.timestamp, sent_at)
    elif event.startTime is not None:
        at = _time("startTime", event.startTime, sent_at)
    is_rec = movie.isRec if isinstance(movie.isRec, bool) else None
    rated = event.rating is not None or movie.rating is not None
    return WatchEvent(movie.id, event.progress, at, is_rec=is_rec, rated=rated)


def _in_order(events: list[WatchEvent], sent_at: datetime) -> list[WatchEvent]:
    """The events; those with a time ahead of the sending get an effective time in the millisecond of the sending.

    Within that millisecond they keep the order of their stated times.
    """
    ahead = {event.at for event in events if event.at > sent_at}
    if not ahead:
        return events
    order = {
        at: sent_at + min(place, MAX_PER_MILLISECOND) * MICROSECOND
        for place, at in enumerate(sorted(ahead), start=1)  # after an event at the time of the sending
    }
    return [msgspec.structs.replace(event, effective_at=order.get(event.at)) for event in events]


def _user_id(value: int | str) -> int:
    number = whole_number(value) if isinstance(value, str) else value
    if number is None or not 0 < number <= MAX_BIGINT:
        raise InvalidMessage("userId", f"{_shown(value)} is not a whole number from 1 to {MAX_BIGINT}")
    return number


def _group_id(value: Any) -> str | None:
    """A short name or a number, as text; anything else is ignored, as unknown keys are."""
    if (
        isinstance(value, str)
        and len(value) <= MAX_GROUP_CHARACTERS
        and value.isprintable()
        and value.isascii()
    ):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_BIGINT:
        return str(value)
    return None


# Checked before fromisoformat, which takes any character between date and time
_ISO = re.compile(r"[0-9W-]{8,10}(?:[Tt ][0-9:.,]+ ?(?:[Zz]|[+-][0-9:]+)?)?", re.ASCII)
# As Node's toLocaleString and common formatting libraries write it: `2017-09-08 2:50PM`, `2017-09-08, 2:50:07 p.m.`
_BLANK = "[ \u00a0\u2009\u202f]"  # no-break, thin and narrow no-break spaces come from ICU
_CLOCK = re.compile(
    rf"(\d{{4}}-\d\d-\d\d),?{_BLANK}+(\d{{1,2}}):(\d\d(?::\d\d(?:\.\d{{1,9}})?)?){_BLANK}*([AaPp])\.?{_BLANK}?[Mm]\.?",
    re.ASCII,
)


def _time(field: str, text: str, sent_at: datetime) -> datetime:
    """Parses an ISO 8601 time, or one like `2017-09-08 2:50PM`; UTC if it has no zone.

    Raises InvalidMessage for other texts, for times before 1970 and for those more than MAX_AHEAD of the sending.
    """
    try:
        if _ISO.fullmatch(text):
            at = datetime.fromisoformat(text.upper())
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        elif clock := _CLOCK.fullmatch(text):
            day, hour, rest, half = clock.groups()
            at = datetime.fromisoformat(f"{day}T{_hour(int(hour), half):02}:{rest}+00:00")
        else:
            raise ValueError(text)
    except (ValueError, OverflowError):  # Overflow: 0001-01-01T00:00+05:00 is before the first instant
        raise InvalidMessage(
            field, f"{_shown(text)} is not a time (ISO 8601, or like 2017-09-08 2:50PM)"
        ) from None
    if at < EARLIEST:
        raise InvalidMessage(field, f"{_shown(text)} is before 1970")
    if at > sent_at and at - sent_at > MAX_AHEAD:
        raise InvalidMessage(
            field,
            f"{_shown(text)} is more than 24 hours ahead of the sending, {sent_at:%Y-%m-%d %H:%M:%S} UTC",
        )
    return at


def _hour(hour: int, half: str) -> int:
    """The hour of the day, 0..23. An hour of 0 or 13 to 23 is on the 24-hour clock already. Raises ValueError."""
    afternoon = half in "Pp"
    if 1 <= hour <= 12:
        return hour % 12 + 12 * afternoon
    if afternoon is not (hour >= 12):
        raise ValueError("the meridiem contradicts the hour")
    return hour


def _decode(body: str | bytes, kind: type[T]) -> T:
    if not body.strip():
        raise InvalidMessage("", "empty")
    try:
        value = strict_json.loads(body)
    except strict_json.BadJson as error:
        raise InvalidMessage("", _plain(str(error))) from None
    try:
        try:
            return msgspec.convert(value, kind)
        except UnicodeEncodeError:  # half a surrogate pair in an unknown key
            return msgspec.convert(_without_unknown_keys(value), kind)
    except msgspec.ValidationError as error:
        _raise_invalid(error)


def _without_unknown_keys(value: Any) -> Any:
    """The value without the keys that no schema names, at any depth."""
    if isinstance(value, dict):
        return {key: _without_unknown_keys(held) for key, held in value.items() if key in _KEYS}
    return [_without_unknown_keys(held) for held in value] if isinstance(value, list) else value


# msgspec's type names, in words for those who read the dead-letter queue
_TYPE_NAMES = {
    "object": "an object",
    "array": "a list",
    "int": "a whole number",
    "int | str": "a whole number",
    "float": "a number",
    "str": "a text",
    "str | null": "a text",
    "bool": "true or false",
    "null": "null",
}


def _raise_invalid(error: msgspec.ValidationError) -> NoReturn:
    reason, _, path = str(error).partition(" - at `$")
    reason = reason.replace("Object missing required field", "missing")
    reason = re.sub(r"`([a-z| ]+)`", lambda quoted: _TYPE_NAMES.get(quoted[1], quoted[0]), reason)
    raise InvalidMessage(path.rstrip("`").lstrip("."), _plain(reason)) from None


def _plain(text: str) -> str:
    """The text in printable ASCII, because a reason is sent as a message attribute and logged."""
    return text.encode("ascii", "backslashreplace").decode()


def _shown(value: object) -> str:
    text = (
        ascii(value)
        if not isinstance(value, int) or abs(value) < 10**MAX_SHOWN_CHARACTERS
        else "a huge number"
    )
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}..."
