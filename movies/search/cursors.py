"""Cursors: positions in a list of movies, encoded as text for the addresses of its pages."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from movies.foundation.numbers import MAX_BIGINT
from movies.search.spelling import MAX_RESULTS


class BadCursor(ValueError):
    """The text encodes no cursor of this list."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in an order of the inventory: just after a movie or, `backward`, just before it."""

    value: Any  # of the order's key, as in the database
    movie_id: int
    backward: bool = False

    def encode(self) -> str:
        return _encode({"v": self.value, "i": self.movie_id, "b": self.backward})

    @classmethod
    def decode(cls, text: str, key_type: type) -> "Cursor":
        """The cursor of an order whose keys have this type: int, str or datetime. Raises BadCursor."""
        try:
            fields = _decode(text)
            value, movie_id, backward = fields["v"], fields["i"], fields["b"]
            if key_type is datetime:
                value = datetime.fromisoformat(value)
        except (ValueError, TypeError, KeyError) as error:
            raise BadCursor("not a cursor") from error
        if type(value) is not key_type or type(movie_id) is not int or type(backward) is not bool:
            raise BadCursor("a field of the wrong type")
        if not 0 < movie_id <= MAX_BIGINT or (isinstance(value, int) and not 0 <= value <= MAX_BIGINT):
            raise BadCursor("a number out of range")
        if (isinstance(value, datetime) and value.tzinfo is None) or (
            isinstance(value, str) and "\0" in value
        ):
            raise BadCursor("a value that the database cannot hold")
        return cls(value, movie_id, backward)


LAST_PAGE = Cursor(None, 0, backward=True)  # after all movies, so that the page before it is the last


@dataclass(frozen=True, slots=True)
class Offset:
    """A position in search results: the number of movies before it."""

    number: int

    def encode(self) -> str:
        return _encode({"o": self.number})

    @classmethod
    def decode(cls, text: str) -> "Offset":
        """Raises BadCursor."""
        try:
            number = _decode(text)["o"]
        except (ValueError, TypeError, KeyError) as error:
            raise BadCursor("not an offset") from error
        if type(number) is not int or not 0 <= number <= MAX_RESULTS:
            raise BadCursor("an offset out of range")
        return cls(number)


def _encode(fields: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(fields)).decode().rstrip("=")


def _decode(text: str) -> Any:
    """Raises ValueError."""
    padded = text + "=" * (-len(text) % 4)
    return orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
