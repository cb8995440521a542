"""Parses and validates genre profiles: 15 whole numbers >= 0, in the order of GENRES, that sum to 100."""

from collections.abc import Sequence
from typing import Any

from movies.genres import GENRE_POSITION, GENRES

TOTAL = 100
MAX_TITLE_LENGTH = 300  # characters; the longest title on record has 208


class BadProfile(ValueError):
    """The value is not a profile; the message is a sentence, and `errors` has one for each bad genre."""

    def __init__(self, message: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.errors = errors or {}


def from_wire(value: Any) -> tuple[int, ...]:
    """A profile from an object {genre: weight} with all 15 keys, or from a 15-long array in the order of GENRES.

    Raises BadProfile.
    """
    if isinstance(value, dict):
        unknown = [str(key) for key in value if key not in GENRE_POSITION]
        if unknown:
            raise BadProfile(
                f"Unknown genre: {', '.join(sorted(unknown)[:5])}. The 15 are: {', '.join(GENRES)}."
            )
        missing = [genre for genre in GENRES if genre not in value]
        if missing:
            raise BadProfile(f"Missing genre: {', '.join(missing)}. All 15 are needed.")
        weights = [value[genre] for genre in GENRES]
    elif isinstance(value, (list, tuple)):
        if len(value) != len(GENRES):
            raise BadProfile(
                f"A profile has {len(GENRES)} weights, in the order {', '.join(GENRES)}; this has {len(value)}."
            )
        weights = list(value)
    else:
        raise BadProfile("A profile is an object {genre: weight} or an array of 15 weights.")
    return checked(weights)


def checked(weights: Sequence[Any]) -> tuple[int, ...]:
    """The 15 weights as a tuple, if they are a profile. Raises BadProfile."""
    if (
        {*map(type, weights)} != {int} or min(weights) < 0 or max(weights) > TOTAL
    ):  # fast, because an import checks 300,000 profiles
        bad = {
            genre: "A weight is a whole number from 0 to 100."
            for genre, weight in zip(GENRES, weights, strict=True)
            if type(weight) is not int or not 0 <= weight <= TOTAL
        }
        raise BadProfile(f"A weight is a whole number from 0 to 100: {', '.join(bad)}.", bad)
    total = sum(weights)
    if total != TOTAL:
        raise BadProfile(f"The weights sum to {total}, not {TOTAL}.")
    return tuple(weights)


def to_wire(weights: Sequence[int]) -> dict[str, int]:
    """The JSON object of clients and messages: all 15 genres, in order."""
    return dict(zip(GENRES, weights, strict=True))
