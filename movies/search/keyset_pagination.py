"""Pages of the inventory in any order, as fast at the end as at the start."""
# ruff: noqa: S608 - statements are put together from parts written here; values travel as parameters

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from movies.genres import GENRE_POSITION

LARGEST_PAGE = 100
# A page of one genre: so many movies are looked at in the order asked for before the genre's index is asked
# instead, and so many of a genre are put in order at once.
MOST_WALKED = 3_000
MOST_SORTED = 10_000


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the inventory: by one expression, then by id, over an index."""

    key: str
    kind: type
    join_views: bool = False
    # whether ids run the way the keys do; views are indexed most first, ids upwards
    id_follows: bool = True


TITLE = 'movies_plain(m.title) COLLATE "C"'
ORDERS = {
    "id": Order("m.id", int),
    "title": Order(TITLE, str),
    "created": Order("m.created", datetime),
    "updated": Order("m.updated", datetime),
    "popularity": Order("v.views", int, join_views=True, id_follows=False),
}
ORDERINGS = tuple(sign + name for name in ORDERS for sign in ("", "-"))


@dataclass(frozen=True, slots=True)
class Place:
    """Just behind a movie in an order, or, `backward`, just before it."""

    value: Any  # of the order's key; as in the database
    movie_id: int
    backward: bool = False


END = Place(None, 0, backward=True)  # behind all movies: what is before it is the last page


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows of `id, title, weights, key` in order, and where the neighbouring stretches begin."""

    rows: list[tuple]
    previous: Place | None
    following: Place | None


def stretch(
    *,
    ordering: str,
    genre: str | None = None,
    hidden: bool | None = False,
    place: Place | None = None,
    limit: int,
) -> Stretch:
    """Up to `limit` movies from this place on, in at most three statements.

    `hidden`: only such movies, or None for all.
    """
    query = _Query(ordering, place=place, genre=genre, hidden=hidden, count=limit + 1)
    rows = query.rows()
    more = len(rows) > limit
    rows = rows[:limit]
    backward = place is not None and place.backward
    if backward:
        rows.reverse()
    before = more if backward else place is not None
    after = place not in (None, END) if backward else more
    return Stretch(
        rows,
        Place(rows[0][3], rows[0][0], backward=True) if rows and before else None,
        Place(rows[-1][3], rows[-1][0]) if rows and after else None,
    )


def sorted_page(movie_ids: Sequence[int], *, ordering: str, hidden: bool | None = False) -> list[int]:
    """Those of a few movies that exist, in an order."""
    query = _Query(ordering, place=None, genre=None, hidden=hidden, count=len(movie_ids))
    return [row[0] for row in query.of("m.id = ANY (%s)", [list(movie_ids)])]


class _Query:
    def __init__(
        self, ordering: str, *, place: Place | None, genre: str | None, hidden: bool | None, count: int
    ) -> None:
        order = self.order = ORDERS[ordering.removeprefix("-")]
        self.count = count
        self.down = ordering.startswith("-") != (place is not None and place.backward)
        id_down = self.down if order.id_follows else not self.down
        self.sort = f"{order.key} {_way(self.down)}, m.id {_way(id_down)}"
        self.visible = "true" if hidden is None else "m.hidden" if hidden else "NOT m.hidden"
        # The indexes of these orders are two: of the visible movies, and of the hidden ones.
        self.in_two = hidden is None and order.kind is not int
        self.conditions = [self.visible]
        self.values: list[Any] = []
        if place is not None and place != END:
            self._begin_at(place, id_down)
        self.position = None if genre is None else GENRE_POSITION[genre] + 1
        # Some of the movies walked over are not asked for, and no index of the order knows which.
        self.picky = genre is not None or bool(hidden and order.join_views)
        views = " JOIN movies_viewcount v ON v.movie_id = m.id" if order.join_views else ""
        self.source = f"movies_movie m{views}"

    def _begin_at(self, place: Place, id_down: bool) -> None:
        key, beyond, id_beyond = self.order.key, "<" if self.down else ">", "<" if id_down else ">"
        if self.order.join_views:
            key_of_id = "v.movie_id"  # so that the index of views decides alone
            self.conditions.append(
                f"{key} {beyond}= %s AND ({key} {beyond} %s OR {key_of_id} {id_beyond} %s)"
            )
            self.values += [place.value, place.value, place.movie_id]
        elif self.order.kind is int:
            self.conditions.append(f"m.id {beyond} %s")
            self.values.append(place.movie_id)
        else:
            self.conditions.append(f"({key}, m.id) {beyond} (%s, %s)")
            self.values += [place.value, place.movie_id]

    def rows(self) -> list[tuple]:
        if not self.picky:
            return self.of()
        rows = self._walked(MOST_WALKED)
        if len(rows) == self.count:
            return rows
        # Few are near: there are few altogether, and they are put in order; or they are all further on.
        if not self._is_rare():
            return self._walked(None)
        return self.of("m.id IN (SELECT id FROM few)", few=True)

    def of(self, condition: str = "true", values: Sequence[Any] = (), *, few: bool = False) -> list[tuple]:
        """Rows of `id, title, weights, key` in order."""
        with_few = f"WITH few AS MATERIALIZED ({self._of_genre()} LIMIT {MOST_SORTED}) " if few else ""
        rows, parameters = self._in_order([condition], values, self.count)
        return _rows(
            f"{with_few}SELECT id, title, array_to_string(profile, ','), key FROM ({rows}) AS found",
            parameters,
        )

    def _walked(self, most: int | None) -> list[tuple]:
        # `hidden` is looked at behind the walk where no index of the order knows it
        rows, values = self._in_order([], (), most)
        genre = f"profile[{self.position}] > 0" if self.position else "true"
        return _rows(
            f"SELECT id, title, array_to_string(profile, ','), key FROM ({rows}) AS walked"
            f" WHERE {genre} LIMIT {self.count}",
            values,
        )

    def _in_order(
        self, conditions: Sequence[str], values: Sequence[Any], most: int | None
    ) -> tuple[str, list[Any]]:
        """A query of the first rows in the order asked for, with its values."""
        limit = f" LIMIT {most}" if most else ""

        def of(*more: str) -> str:
            where = " AND ".join([*self.conditions, *conditions, *more])
            return (
                f"SELECT m.id, m.title, m.profile, {self.order.key} AS key FROM {self.source}"
                f" WHERE {where} ORDER BY {self.sort}{limit}"
            )

        both = [*self.values, *values]
        if not self.in_two:
            return of(), both
        sort = self.sort.replace(self.order.key, "key", 1).replace("m.id", "id")
        return (
            f"SELECT * FROM (({of('NOT m.hidden')}) UNION ALL ({of('m.hidden')})) AS m"
            f" ORDER BY {sort}{limit}",
            both + both,
        )

    def _is_rare(self) -> bool:
        ((several,),) = _rows(
            f"SELECT count(*) FROM ({self._of_genre()} LIMIT {MOST_SORTED + 1}) AS several", []
        )
        return several <= MOST_SORTED

    def _of_genre(self) -> str:
        genres = f"movies_genres(m.profile) @> '{{{self.position}}}'" if self.position else "true"
        return f"SELECT m.id FROM movies_movie m WHERE {genres} AND {self.visible}"


def _way(down: bool) -> str:
    return "DESC" if down else "ASC"


def _rows(sql: str, values: Sequence[Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
