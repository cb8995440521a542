"""What arrives from the sister services: a message is what its schema says, or Poison with the reason."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec

from movies.numbers import MAX_BIGINT, whole_number

SHOWN = 60  # characters of a wrong value that are worth repeating to a person


class Poison(ValueError):
    """A message that can never be applied: `field` says where ("" for the whole), `reason` what is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        self.field, self.reason = field, reason
        super().__init__(f"{field}: {reason}" if field else reason)


@dataclass(frozen=True, slots=True)
class Watched:
    """One event: how far a user got in a movie, and when (UTC). The movie may not exist."""

    movie_id: int
    progress: float  # 0..1
    at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A session-data message, and when it was sent, to the millisecond."""

    user_id: int
    events: tuple[Watched, ...]
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Recommendations:
    """A recommendations message, as of when it was sent, to the millisecond.

    The ids are best first, as they came: they may repeat or not exist.
    """

    user_id: int
    movie_ids: tuple[int, ...]
    at: datetime


class _Movie(msgspec.Struct):
    id: int


class _Event(msgspec.Struct):
    movie: _Movie
    progress: float
    # two names, because Events sends one and the README of the system shows the other
    timestamp: str | None = None
    startTime: str | None = None  # noqa: N815


class _Session(msgspec.Struct):
    userId: int | str  # noqa: N815
    events: list[_Event]


class _Recommendations(msgspec.Struct):
    userId: int | str  # noqa: N815  -- Recommendations sends a string of digits
    rec: list[int]


_KEYS = {
    name for kind in (_Movie, _Event, _Session, _Recommendations) for name in kind.__struct_encode_fields__
}
_SESSION = msgspec.json.Decoder(_Session)
_RECOMMENDATIONS = msgspec.json.Decoder(_Recommendations)


def parse_session(body: str | bytes, sent_at: datetime) -> Session:
    """The session in a message; `sent_at` is the time of events that tell none. Raises Poison."""
    message = _decode(body, _SESSION)
    user_id = _user_id(message.userId)
    return Session(
        user_id,
        tuple(_watched(f"events[{i}]", event, sent_at) for i, event in enumerate(message.events)),
        _milliseconds(sent_at),
    )


def parse_recs(body: str | bytes, sent_at: datetime) -> Recommendations:
    """The recommendation list in a message, as of `sent_at`. Raises Poison."""
    message = _decode(body, _RECOMMENDATIONS)
    return Recommendations(_user_id(message.userId), tuple(message.rec), _milliseconds(sent_at))


def _milliseconds(sent_at: datetime) -> datetime:
    """As SQS tells it, so that what came over HTTP is not taken for later than a message of the same instant."""
    return sent_at.replace(microsecond=sent_at.microsecond // 1000 * 1000)


def _watched(place: str, event: _Event, sent_at: datetime) -> Watched:
    if not 0 <= event.progress <= 1:
        raise Poison(f"{place}.progress", f"{_shown(event.progress)} is not between 0 and 1")
    for name in ("timestamp", "startTime"):
        text = getattr(event, name)
        if text is not None:
            return Watched(event.movie.id, event.progress, _time(f"{place}.{name}", text))
    return Watched(event.movie.id, event.progress, sent_at)


def _user_id(value: int | str) -> int:
    number = whole_number(value) if isinstance(value, str) else value
    if number is None or not 0 < number <= MAX_BIGINT:
        raise Poison("userId", f"{_shown(value)} is not a whole number from 1 to {MAX_BIGINT}")
    return number


# Checked before fromisoformat, which takes any character between date and time
_ISO = re.compile(r"[0-9W-]{8,10}(?:[Tt ][0-9:.,]+ ?(?:[Zz]|[+-][0-9:]+)?)?", re.ASCII)
_CLOCK = re.compile(r"(\d{4}-\d\d-\d\d) (\d{1,2}):(\d\d)(?::(\d\d))? ?([AaPp])[Mm]", re.ASCII)


def _time(field: str, text: str) -> datetime:
    """The instant told by an ISO 8601 text, or one like `2017-09-08 2:50PM`; UTC where no zone is given."""
    try:
        if clock := _CLOCK.fullmatch(text):
            day, hour, minute, second, half = clock.groups()
            if not 1 <= int(hour) <= 12:
                _not_a_time(field, text)
            hours = int(hour) % 12 + (12 if half in "Pp" else 0)
            return datetime.fromisoformat(f"{day}T{hours:02}:{minute}:{second or '00'}+00:00")
        if not _ISO.fullmatch(text):
            _not_a_time(field, text)
        time = datetime.fromisoformat(text.upper())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (
        ValueError,
        OverflowError,
    ) as error:  # Overflow: 0001-01-01T00:00+05:00 is before the first instant
        if isinstance(error, Poison):
            raise
        _not_a_time(field, text)


def _not_a_time(field: str, text: str) -> NoReturn:
    raise Poison(field, f"{_shown(text)} is not a time (ISO 8601, or like 2017-09-08 2:50PM)")


def _decode(body: str | bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        text = body if isinstance(body, str) else body.decode()
    except UnicodeDecodeError as error:
        raise Poison("", f"not UTF-8 (byte {error.start})") from None
    if not text.strip():
        raise Poison("", "empty")
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        _raise_at(error)
    except RecursionError:
        raise Poison("", "nested too deeply") from None
    except (
        ValueError
    ) as error:  # not JSON, or JSON with half a surrogate pair, which msgspec refuses even in ignored keys
        if re.search(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]", text):
            return _convert(_loads(text), decoder)
        raise Poison("", f"not JSON: {_plain(str(error).removeprefix('JSON is malformed: '))}") from None


def _convert(message: object, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return msgspec.convert(message, decoder.type)
    except msgspec.ValidationError as error:
        _raise_at(error)


def _loads(text: str) -> object:
    """Slower, and as strict about the rest. Without the ignored keys: some cannot be encoded."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_known)
    except RecursionError:
        raise Poison("", "nested too deeply") from None
    except Poison:
        raise
    except ValueError as error:
        raise Poison("", f"not JSON: {_plain(str(error))}") from None


def _known(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return {key: value for key, value in pairs if key in _KEYS}


def _no_constant(name: str) -> NoReturn:
    raise Poison("", f"not JSON: {name} is not a number there")


# msgspec's words for types, as the people who look into the dead-letter queue say them
_WORDS = {
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


def _raise_at(error: msgspec.ValidationError) -> NoReturn:
    reason, _, path = str(error).partition(" - at `$")
    reason = reason.replace("Object missing required field", "missing")
    reason = re.sub(r"`([a-z| ]+)`", lambda quoted: _WORDS.get(quoted[1], quoted[0]), reason)
    raise Poison(path.rstrip("`").lstrip("."), _plain(reason)) from None


def _plain(text: str) -> str:
    """Printable ASCII only: a reason travels as a message attribute and stands in logs."""
    return text.encode("ascii", "backslashreplace").decode()


def _shown(value: object) -> str:
    text = ascii(value) if not isinstance(value, int) or abs(value) < 10**SHOWN else "a huge number"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
