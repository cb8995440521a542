"""The inventory as staff browse it: by words, genre and state, in any order, counted without a scan."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from movies.foundation.numbers import whole_number
from movies.genres import GENRE_POSITION
from movies.models import Movie
from movies.search.engine import MOST_RESULTS, search
from movies.search.keyset_pagination import Place, sorted_page, stretch

COUNTED = 20_000  # pages count movies one by one up to here; more are estimated


class Number(int):
    """How many there are, for people; one that is not exact says so in words: `about 300,000`."""

    words: str

    def __new__(cls, number: int, words: str = "") -> "Number":
        made = super().__new__(cls, number)
        made.words = words
        return made

    def __str__(self) -> str:
        return f"{self.words} {int(self):,}".strip()

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
    if number and _filtered(selection).filter(pk=number).exists():
        found = [number, *(movie for movie in found if movie != number)]
    return found


def movies(selection: Selection) -> QuerySet[Movie]:
    """Every movie of the selection, unordered: for bulk work, which touches them all anyway."""
    if selection.q:
        return Movie.objects.filter(pk__in=found_by_words(selection)).order_by()
    return _filtered(selection)


def count(selection: Selection) -> int:
    """Exactly how many movies the selection has. May read them all: for bulk work, not for pages."""
    return movies(selection).count()


def how_many(selection: Selection) -> Number:
    """In bounded time, for pages: exact where they are few, else what the planner knows."""
    if selection.q:
        return _number_found(found_by_words(selection))
    estimate = _estimate(selection)
    if estimate > 2 * COUNTED:
        return Number(_round(estimate), "about")
    # in order of the id where nothing else chooses, so that an index is walked and not the table
    ordered = _filtered(selection).order_by(*([] if selection.genre else ["id"]))
    number = ordered[: COUNTED + 1].count()
    if number <= COUNTED:
        return Number(number)
    return Number(_round(estimate), "about") if estimate > COUNTED else Number(COUNTED, "more than")


def _estimate(selection: Selection) -> int:
    if selection == Selection():
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'movies_movie'::regclass")
            return cursor.fetchone()[0]
    plan = json.loads(_filtered(selection).values("id").explain(format="json"))
    return plan[0]["Plan"]["Plan Rows"]


def _number_found(found: list[int]) -> Number:
    return Number(len(found), "the first" if len(found) >= MOST_RESULTS else "")


def _filtered(selection: Selection) -> QuerySet[Movie]:
    """By genre and state, without the words."""
    found = Movie.objects.order_by()
    if selection.genre is not None:
        position = GENRE_POSITION[selection.genre] + 1
        indexed = "movies_genres(profile) @> ARRAY[%s]::smallint[]"  # as the index is defined
        found = found.filter(RawSQL(indexed, [position], output_field=BooleanField()))  # noqa: S611  (a constant)
    if selection.hidden is not None:
        found = found.filter(hidden=selection.hidden)
    return found


def _round(number: int) -> int:
    """To two or three digits that count: an estimate knows no more."""
    unit = 10 ** max(0, len(str(number)) - 3)
    return round(number / unit) * unit
