"""The inventory as staff browse it: by words, genre and state, in any order, counted without a scan."""
# ruff: noqa: S608 - statements are put together from parts written here; values travel as parameters

import json
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection

from movies.genres import GENRE_POSITION
from movies.numbers import whole_number
from movies.pages import Place, sorted_page, stretch
from movies.search import MOST_RESULTS, search
from movies.watched import existing

COUNTED = 1_000  # movies are counted one by one up to here; more are estimated


class Number(int):
    """How many there are; an estimate says so in words: `about 300,000`."""

    exact: bool
    at_least: bool

    def __new__(cls, number: int, *, exact: bool, at_least: bool = False) -> "Number":
        made = super().__new__(cls, number)
        made.exact, made.at_least = exact, at_least
        return made

    def __str__(self) -> str:
        if self.at_least:
            return f"the first {int(self):,}"
        return f"{int(self):,}" if self.exact else f"about {_round(int(self)):,}"

    def __html__(self) -> str:  # Django's templates would print the bare number
        return str(self)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which movies. `hidden`: only such, or None for all."""

    q: str = ""
    genre: str | None = None
    hidden: bool | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Browsed:
    """Ids of movies in order, where the neighbouring pages begin, and how many there are in all."""

    ids: list[int]
    previous: Place | None
    following: Place | None
    number: Number


def browse(selection: Selection, *, ordering: str | None, place: Place | None, limit: int) -> Browsed:
    """A page of the selection. In the order `ordering`, or best match first when words are searched for.

    What words find is at most MOST_RESULTS; there a place is only the number of movies before it.
    """
    if not selection.q:
        part = stretch(
            ordering=ordering or "id",
            genre=selection.genre,
            hidden=selection.hidden,
            place=place,
            limit=limit,
        )
        return Browsed([row[0] for row in part.rows], part.previous, part.following, how_many(selection))
    found = found_by_words(selection)
    if ordering:
        found = sorted_page(found, ordering=ordering, hidden=selection.hidden)
    last = max(0, (len(found) - 1) // limit * limit)
    start = 0 if place is None else last if place.backward else min(place.movie_id, last)
    return Browsed(
        found[start : start + limit],
        Place(None, max(0, start - limit)) if start else None,
        Place(None, start + limit) if start + limit < len(found) else None,
        _number_found(found),
    )


def found_by_words(selection: Selection) -> list[int]:
    """Ids for the words, best match first; a number finds the movie of that id before all others."""
    found = search(selection.q, genre=selection.genre, hidden=selection.hidden, limit=MOST_RESULTS)
    number = whole_number(selection.q.strip())
    if number:
        found = [*existing([number]), *(movie for movie in found if movie != number)]
    return found


def how_many(selection: Selection) -> Number:
    """In bounded time: exact where they are few, else what the planner knows."""
    if selection.q:
        return _number_found(found_by_words(selection))
    where, values = _condition(selection)
    if where == "true":
        estimate = _one("SELECT reltuples::bigint FROM pg_class WHERE oid = 'movies_movie'::regclass", [])
    else:
        plan = _one(f"EXPLAIN (FORMAT JSON) SELECT FROM movies_movie WHERE {where}", values)
        plan = json.loads(plan) if isinstance(plan, str) else plan
        estimate = plan[0]["Plan"]["Plan Rows"]
    if estimate > 10 * COUNTED:
        return Number(estimate, exact=False)
    # in order of the id where nothing else chooses, so that an index is walked and not the table
    order = "ORDER BY id" if selection.genre is None else ""
    counted = f"SELECT id FROM movies_movie WHERE {where} {order} LIMIT {COUNTED + 1}"
    number = _one(f"SELECT count(*) FROM ({counted}) AS counted", values)
    return Number(number, exact=True) if number <= COUNTED else Number(max(estimate, number), exact=False)


def _number_found(found: list[int]) -> Number:
    return Number(len(found), exact=True, at_least=len(found) >= MOST_RESULTS)


def ids(selection: Selection) -> list[int]:
    """Every movie of the selection: for bulk actions, which touch them all anyway."""
    if selection.q:
        return found_by_words(selection)
    where, values = _condition(selection)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM movies_movie WHERE {where} ORDER BY id", values)
        return [movie_id for (movie_id,) in cursor]


def _condition(selection: Selection) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    if selection.genre is not None:
        conditions.append("movies_genres(profile) @> ARRAY[%s]::smallint[]")
        values.append(GENRE_POSITION[selection.genre] + 1)
    if selection.hidden is not None:
        conditions.append("hidden" if selection.hidden else "NOT hidden")
    return " AND ".join(conditions) or "true", values


def _one(sql: str, values: list[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


def _round(number: int) -> int:
    """To two or three digits that count: an estimate knows no more."""
    unit = 10 ** max(0, len(str(number)) - 3)
    return round(number / unit) * unit
