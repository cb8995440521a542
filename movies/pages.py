"""Pages of the visible inventory in any order, as fast at the end as at the start."""
# ruff: noqa: S608 - statements are put together from parts written here; values travel as parameters

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from movies.catalog import entry
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


@dataclass(frozen=True, slots=True)
class Page:
    """Entries as in the catalog, and where the neighbouring pages begin."""

    entries: list[bytes]
    previous: Place | None
    following: Place | None


def page(*, ordering: str, genre: str | None = None, place: Place | None = None, limit: int) -> Page:
    """Up to `limit` visible movies from this place on. At most three SQL statements."""
    order = ORDERS[ordering.removeprefix("-")]
    query = _Query(order, descending=ordering.startswith("-"), place=place, genre=genre, count=limit + 1)
    rows = query.rows()
    more = len(rows) > limit
    rows = rows[:limit]
    backward = place is not None and place.backward
    if backward:
        rows.reverse()
    before = more if backward else place is not None
    after = place is not None if backward else more
    return Page(
        [entry(movie_id, title, weights.split(",")) for movie_id, title, weights, _ in rows],
        Place(rows[0][3], rows[0][0], backward=True) if rows and before else None,
        Place(rows[-1][3], rows[-1][0]) if rows and after else None,
    )


def sorted_page(movie_ids: Sequence[int], *, ordering: str) -> list[int]:
    """Those of a few movies that exist, in an order."""
    order = ORDERS[ordering.removeprefix("-")]
    query = _Query(order, descending=ordering.startswith("-"), place=None, genre=None, count=len(movie_ids))
    return [row[0] for row in query.of("m.id = ANY (%s)", [list(movie_ids)])]


class _Query:
    def __init__(
        self, order: Order, *, descending: bool, place: Place | None, genre: str | None, count: int
    ) -> None:
        self.order, self.count = order, count
        self.down = descending != (place is not None and place.backward)
        id_down = self.down if order.id_follows else not self.down
        self.sort = f"{order.key} {_way(self.down)}, m.id {_way(id_down)}"
        self.conditions = ["NOT m.hidden"]
        self.values: list[Any] = []
        if place is not None:
            self._begin_at(place, id_down)
        self.position = None if genre is None else GENRE_POSITION[genre] + 1
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
        if self.position is None:
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
        where = " AND ".join([*self.conditions, condition])
        return _rows(
            f"{with_few}SELECT m.id, m.title, array_to_string(m.profile, ','), {self.order.key} AS key"
            f" FROM {self.source} WHERE {where} ORDER BY {self.sort} LIMIT {self.count}",
            [*self.values, *values],
        )

    def _walked(self, most: int | None) -> list[tuple]:
        limit = f"LIMIT {most}" if most else ""
        return _rows(
            f"SELECT id, title, array_to_string(profile, ','), key FROM ("
            f" SELECT m.id, m.title, m.profile, {self.order.key} AS key FROM {self.source}"
            f" WHERE {' AND '.join(self.conditions)} ORDER BY {self.sort} {limit}"
            f") AS walked WHERE profile[{self.position}] > 0 LIMIT {self.count}",
            self.values,
        )

    def _is_rare(self) -> bool:
        ((several,),) = _rows(
            f"SELECT count(*) FROM ({self._of_genre()} LIMIT {MOST_SORTED + 1}) AS several", []
        )
        return several <= MOST_SORTED

    def _of_genre(self) -> str:
        genres = f"movies_genres(profile) @> '{{{self.position}}}'"
        return f"SELECT id FROM movies_movie WHERE {genres} AND NOT hidden"


def _way(down: bool) -> str:
    return "DESC" if down else "ASC"


def _rows(sql: str, values: Sequence[Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
