"""Validates the fields of a movie, with an error sentence for each bad field."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from movies.inventory.titles import normalize
from movies.profiles import MAX_TITLE_LENGTH, from_wire

MAX_MOVIE_ID = 2**53 - 1  # the largest safe integer of JavaScript; the database checks it too


class BadMovie(ValueError):
    """The fields are not valid: `errors` has a sentence for each bad one."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {error}" for field, error in errors.items()))
        self.errors = errors


class BadMovies(ValueError):
    """Some of several movies are not valid: `errors` has the bad fields of each, by its position."""

    def __init__(self, errors: dict[int, dict[str, str]]) -> None:
        super().__init__(f"{len(errors)} of the movies are not valid; nothing was changed.")
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMovie:
    """A movie to be added, not validated yet. The profile is an object {genre: weight} or an array of 15."""

    title: Any
    profile: Any
    hidden: Any = False
    movie_id: Any = None


def checked_all(movies: Sequence[NewMovie]) -> tuple[list[dict[str, Any]], dict[int, dict[str, str]]]:
    """The movies as they are stored (id, title, profile, hidden), and errors by position. Ids must be distinct."""
    rows: list[dict[str, Any]] = []
    errors: dict[int, dict[str, str]] = {}
    seen: set[int] = set()
    for place, movie in enumerate(movies):
        row, bad = checked(
            {"id": movie.movie_id, "title": movie.title, "profile": movie.profile, "hidden": movie.hidden}
        )
        movie_id = row.get("id")
        if movie_id in seen:
            bad["id"] = f"Movie {movie_id} is there twice."
        elif movie_id is not None:
            seen.add(movie_id)
        rows.append(row)
        if bad:
            errors[place] = bad
    return rows, errors


def checked(fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The valid fields as they are stored, and an error sentence for each other one."""
    good, bad = {}, {}
    for field, value in fields.items():
        try:
            good[field] = RULES[field](value)
        except ValueError as error:
            bad[field] = str(error)
    return good, bad


def _id(value: Any) -> int | None:
    if value is None:  # the database assigns the next id
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_MOVIE_ID:
        raise ValueError(f"An id is a whole number from 1 to {MAX_MOVIE_ID}.")
    return value


def _title(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("A title is a text.")
    title = normalize(value)
    if len(title) > MAX_TITLE_LENGTH:
        raise ValueError(f"A title has at most {MAX_TITLE_LENGTH} characters; this has {len(title)}.")
    return title


def _profile(value: Any) -> list[int]:
    return list(from_wire(value))


def _hidden(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Hidden is true or false.")
    return value


RULES = {"id": _id, "title": _title, "profile": _profile, "hidden": _hidden}
