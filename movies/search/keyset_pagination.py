"""Keyset pagination: pages of the inventory in any order, as fast at the end as at the start."""
# ruff: noqa: S608 - statements are built from constants of this file; values are passed as parameters

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from movies.search.cursors import LAST_PAGE, Cursor
from movies.search.filters import VIEWS_OF_ROW, VISIBLE, Filters

MAX_PAGE_SIZE = 100
# A filtered page first scans up to MAX_SCANNED movies in the requested order, and then, if it found too few, sorts
# the movies that match if there are at most MAX_SORTED.
MAX_SCANNED = 3_000
MAX_SORTED = 10_000


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the inventory: by an indexed expression, then by id."""

    key: str
    key_type: type
    join_views: bool = False
    # whether ids are sorted in the direction of the keys; the index of views has most views first, ids ascending
    id_same_direction: bool = True


TITLE = 'movies_plain(m.title) COLLATE "C"'
ORDERS = {
    "id": Order("m.id", int),
    "title": Order(TITLE, str),
    "created": Order("m.created", datetime),
    "updated": Order("m.updated", datetime),
    "popularity": Order("v.views", int, join_views=True, id_same_direction=False),
}
ORDERINGS = tuple(sign + name for name in ORDERS for sign in ("", "-"))


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of `id, title, weights, key` in order, and the cursors of the neighbouring pages."""

    rows: list[tuple]
    previous: Cursor | None
    following: Cursor | None


def key_type(ordering: str) -> type:
    """The type of the values in cursors of this order."""
    return ORDERS[ordering.removeprefix("-")].key_type


def page(*, ordering: str, filters: Filters = VISIBLE, cursor: Cursor | None = None, limit: int) -> Page:
    """Up to `limit` movies from the cursor on, in at most three statements."""
    query = _Query(ordering, filters, cursor=cursor, count=limit + 1)
    rows = query.rows()
    more = len(rows) > limit
    rows = rows[:limit]
    backward = cursor is not None and cursor.backward
    if backward:
        rows.reverse()
    has_previous = more if backward else cursor is not None
    has_following = cursor not in (None, LAST_PAGE) if backward else more
    return Page(
        rows,
        Cursor(rows[0][3], rows[0][0], backward=True) if rows and has_previous else None,
        Cursor(rows[-1][3], rows[-1][0]) if rows and has_following else None,
    )


def sorted_ids(movie_ids: Sequence[int], *, ordering: str, hidden: bool | None = False) -> list[int]:
    """The ids of these movies in an order, without those that do not exist. For a few movies."""
    query = _Query(ordering, Filters(hidden=hidden), cursor=None, count=len(movie_ids))
    return [row[0] for row in query.sorted("m.id = ANY (%s)", [list(movie_ids)])]


class _Query:
    def __init__(self, ordering: str, filters: Filters, *, cursor: Cursor | None, count: int) -> None:
        name = ordering.removeprefix("-")
        order = self.order = ORDERS[name]
        self.filters, self.count = filters, count
        self.down = ordering.startswith("-") != (cursor is not None and cursor.backward)
        id_down = self.down if order.id_same_direction else not self.down
        self.sort = f"{order.key} {_direction(self.down)}, m.id {_direction(id_down)}"
        # These orders have two indexes: one of the visible movies and one of the hidden ones.
        self.two_indexes = filters.hidden is None and order.key_type is not int
        # What the index of the order finds by itself, and what is tested of each scanned movie.
        self.conditions: list[str] = []
        self.tests = filters.genre_tests()
        (self.tests if filters.hidden and order.join_views else self.conditions).append(filters.state())
        by_views = filters.views_tests(order.key if order.join_views else VIEWS_OF_ROW)
        (self.conditions if order.join_views else self.tests).extend(by_views)
        (self.conditions if name == "updated" else self.tests).extend(filters.change_tests())
        self.values: list[Any] = []
        if cursor is not None and cursor != LAST_PAGE:
            self._start_at(cursor, id_down)
        views = " JOIN movies_viewcount v ON v.movie_id = m.id" if order.join_views else ""
        self.source = f"movies_movie m{views}"

    def _start_at(self, cursor: Cursor, id_down: bool) -> None:
        key, beyond, id_beyond = self.order.key, "<" if self.down else ">", "<" if id_down else ">"
        if self.order.join_views:
            key_of_id = "v.movie_id"  # so that the index of views suffices
            self.conditions.append(
                f"{key} {beyond}= %s AND ({key} {beyond} %s OR {key_of_id} {id_beyond} %s)"
            )
            self.values += [cursor.value, cursor.value, cursor.movie_id]
        elif self.order.key_type is int:
            self.conditions.append(f"m.id {beyond} %s")
            self.values.append(cursor.movie_id)
        else:
            self.conditions.append(f"({key}, m.id) {beyond} (%s, %s)")
            self.values += [cursor.value, cursor.movie_id]

    def rows(self) -> list[tuple]:
        if not self.tests:
            return self.sorted()
        rows = self._scanned(MAX_SCANNED)
        if len(rows) == self.count:
            return rows
        # Either few movies match, which are sorted; or many do, but all further on in the order.
        if not self._is_rare():
            return self._scanned(None)
        few, values = self._matching()
        return self.sorted(
            "m.id IN (SELECT id FROM few)",
            head=f"WITH few AS MATERIALIZED ({few} LIMIT {MAX_SORTED}) ",
            head_values=values,
        )

    def sorted(
        self,
        condition: str = "true",
        values: Sequence[Any] = (),
        *,
        head: str = "",
        head_values: Sequence[Any] = (),
    ) -> list[tuple]:
        """Rows of `id, title, weights, key` in order."""
        rows, parameters = self._in_order([condition], values, self.count)
        return _rows(
            f"{head}SELECT id, title, array_to_string(profile, ','), key FROM ({rows}) AS found",
            [*head_values, *parameters],
        )

    def _scanned(self, limit: int | None) -> list[tuple]:
        rows, values = self._in_order([], (), limit, matches=" AND ".join(self.tests))
        return _rows(
            f"SELECT id, title, array_to_string(profile, ','), key FROM ({rows}) AS scanned"
            f" WHERE matches LIMIT {self.count}",
            values,
        )

    def _in_order(
        self, conditions: Sequence[str], values: Sequence[Any], limit: int | None, matches: str = "true"
    ) -> tuple[str, list[Any]]:
        """A query of the first rows in the requested order, and its values."""
        limit_clause = f" LIMIT {limit}" if limit else ""

        def select(*more: str) -> str:
            where = " AND ".join([*self.conditions, *conditions, *more]) or "true"
            return (
                f"SELECT m.id, m.title, m.profile, {self.order.key} AS key, {matches} AS matches"
                f" FROM {self.source} WHERE {where} ORDER BY {self.sort}{limit_clause}"
            )

        parameters = [*self.values, *values]
        if not self.two_indexes:
            return select(), parameters
        sort = self.sort.replace(self.order.key, "key", 1).replace("m.id", "id")
        return (
            f"SELECT * FROM (({select('NOT m.hidden')}) UNION ALL ({select('m.hidden')})) AS m"
            f" ORDER BY {sort}{limit_clause}",
            parameters + parameters,
        )

    def _is_rare(self) -> bool:
        matching, values = self._matching()
        ((matches,),) = _rows(f"SELECT count(*) FROM ({matching} LIMIT {MAX_SORTED + 1}) AS matches", values)
        return matches <= MAX_SORTED

    def _matching(self) -> tuple[str, Sequence[Any]]:
        """A query of the ids of all movies that match, over the indexes of the filters, and its values."""
        sql, values = self.filters.queryset().values("id").query.sql_with_params()
        return sql, values


def _direction(down: bool) -> str:
    return "DESC" if down else "ASC"


def _rows(sql: str, values: Sequence[Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
