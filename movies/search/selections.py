"""Selections of movies by words, genre and state: their pages, their movies, and how many they are."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from movies.foundation.numbers import whole_number
from movies.foundation.times import written
from movies.genres import label
from movies.models import Movie
from movies.search.cursors import Cursor, Offset
from movies.search.engine import MAX_RESULTS, search
from movies.search.filters import Filters
from movies.search.keyset_pagination import page, sorted_ids

MAX_COUNTED = 20_000  # pages count up to here and estimate more


class ApproximateCount(int):
    """A number of movies that says whether it is exact: `about 300,000`."""

    qualifier: str

    def __new__(cls, number: int, qualifier: str = "") -> "ApproximateCount":
        count = super().__new__(cls, number)
        count.qualifier = qualifier
        return count

    def __str__(self) -> str:
        return f"{self.qualifier} {int(self):,}".strip()

    def __html__(self) -> str:  # else Django's templates print the bare number
        return str(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(Filters):
    """Which movies: those that the filters leave of all movies or, with words, of the search's results."""

    q: str = ""

    def __str__(self) -> str:
        """`hidden movies with Western, matching “lord”`; `all movies` without any filter."""
        state = {None: "", True: "hidden ", False: "visible "}[self.hidden]
        parts = [
            f"with {label(self.genre)}" if self.genre else "",
            views_in_words(self.views_from, self.views_to),
            f"changed since {written(self.changed_since)}" if self.changed_since else "",
            f"matching “{self.q}”" if self.q else "",
        ]
        said = ", ".join(filter(None, parts))
        return f"{state or ('' if said else 'all ')}movies {said}".strip()

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"changed_since": self.changed_since and self.changed_since.isoformat()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Selection":
        """What `as_json` made, also of an older release, which knew fewer filters."""
        since = fields.get("changed_since")
        return cls(**fields | {"changed_since": since and datetime.fromisoformat(since)})


def views_in_words(least: int | None, most: int | None) -> str:
    """`100 to 2,000 views`; empty without a bound."""
    if least is None and most is None:
        return ""
    if least is None:
        return f"at most {most:,} views"
    return f"at least {least:,} views" if most is None else f"{least:,} to {most:,} views"


@dataclass(frozen=True, slots=True)
class SelectionPage:
    """Ids of movies in order, the cursors of the neighbouring pages, and the size of the selection."""

    ids: list[int]
    previous: Cursor | Offset | None
    following: Cursor | Offset | None
    count: ApproximateCount


def browse(
    selection: Selection, *, ordering: str | None, cursor: Cursor | Offset | None, limit: int
) -> SelectionPage:
    """A page of the selection in the order `ordering`; by default by id, or best match first for words.

    Words find at most MAX_RESULTS movies; their pages have offsets for cursors, or LAST_PAGE.
    """
    if not selection.q:
        if isinstance(cursor, Offset):
            raise ValueError("An offset is a position in search results only.")
        part = page(ordering=ordering or "id", filters=selection, cursor=cursor, limit=limit)
        ids = [row[0] for row in part.rows]
        return SelectionPage(ids, part.previous, part.following, approximate_count(selection))
    found = matching_ids(selection)
    if ordering:
        found = sorted_ids(found, ordering=ordering, hidden=selection.hidden)
    last = max(0, (len(found) - 1) // limit * limit)
    start = 0
    if cursor:
        start = min(cursor.number, last) if isinstance(cursor, Offset) else last
    return SelectionPage(
        found[start : start + limit],
        Offset(max(0, start - limit)) if start else None,
        Offset(start + limit) if start + limit < len(found) else None,
        _count_of(found),
    )


def matching_ids(selection: Selection) -> list[int]:
    """Ids of the movies that match the words, best first; a number finds the movie with that id first."""
    found = search(selection.q, selection, limit=MAX_RESULTS)
    number = whole_number(selection.q.strip())
    if number and selection.queryset().filter(pk=number).exists():
        found = [number, *(movie for movie in found if movie != number)]
    return found


def movies(selection: Selection) -> QuerySet[Movie]:
    """Every movie of the selection, unordered. For bulk jobs."""
    if selection.q:
        return Movie.objects.filter(pk__in=matching_ids(selection)).order_by()
    return selection.queryset()


def count(selection: Selection) -> int:
    """Exactly how many movies the selection has. For bulk jobs, not for pages: it may read all movies."""
    return movies(selection).count()


def approximate_count(selection: Selection) -> ApproximateCount:
    """The number of movies in bounded time: exact if small, else the planner's estimate. For pages."""
    if selection.q:
        return _count_of(matching_ids(selection))
    estimate = _estimate(selection)
    if estimate > 2 * MAX_COUNTED:
        return ApproximateCount(_round(estimate), "about")
    # ordered by id without a genre, so that PostgreSQL scans an index and not the table
    ordered = selection.queryset().order_by(*([] if selection.genre else ["id"]))
    number = ordered[: MAX_COUNTED + 1].count()
    if number <= MAX_COUNTED:
        return ApproximateCount(number)
    if estimate > MAX_COUNTED:
        return ApproximateCount(_round(estimate), "about")
    return ApproximateCount(MAX_COUNTED, "more than")


def _estimate(selection: Selection) -> int:
    if selection == Selection():
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'movies_movie'::regclass")
            return cursor.fetchone()[0]
    plan = json.loads(selection.queryset().values("id").explain(format="json"))
    return plan[0]["Plan"]["Plan Rows"]


def _count_of(found: list[int]) -> ApproximateCount:
    return ApproximateCount(len(found), "the first" if len(found) >= MAX_RESULTS else "")


def _round(number: int) -> int:
    """Rounds to three significant digits, because an estimate is no more exact."""
    unit = 10 ** max(0, len(str(number)) - 3)
    return round(number / unit) * unit
