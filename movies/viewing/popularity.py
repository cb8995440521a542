"""Computes the popularity lists: the most popular movies of each genre and overall, exact over the inventory.

The score of a movie in a genre is views x weight, so a movie with v views has at most 100 v. Only movies with
enough views to enter a list are ranked: a few percent of them when views are long-tailed, all at worst.

A full list keeps the ranks of hidden movies too. Reads leave them out, and a movie that is shown again has its rank
back at the next request.
"""

import io
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from movies.catalog.popular_cache import MAX_POPULAR_MOVIES, STORED_LIST_LENGTH
from movies.genres import GENRES, OVERALL
from movies.profiles import TOTAL

MAX_HIDDEN = 200  # hidden movies that keep their ranks in a full list
FIRST_SAMPLE = 12_000  # movies: enough to fill all lists, so that their lower bounds are high

# COPY's binary format of (id, views, hidden, profile): every row has the same length
ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("id_length", ">i4"), ("id", ">i8"),
        ("views_length", ">i4"), ("views", ">i8"),
        ("hidden_length", ">i4"), ("hidden", "?"),
        ("profile_length", ">i4"), ("profile_head", "V20"),
        ("profile", [("length", ">i4"), ("weight", ">i2")], (len(GENRES),)),
    ]
)  # fmt: skip
HEADER, TRAILER = 19, 2  # bytes around the rows

# Movies with high scores: those listed so far, and the most viewed.
LISTED = """
COPY (SELECT id, coalesce(views, 0), hidden, profile
      FROM movies_movie LEFT JOIN movies_viewcount ON movie_id = id
      WHERE id = ANY (ARRAY(SELECT unnest(movie_ids) FROM movies_popularlist)))
TO STDOUT (FORMAT binary)
"""
MOST_VIEWED = f"""
COPY (SELECT id, views, hidden, profile FROM movies_viewcount JOIN movies_movie ON id = movie_id
      ORDER BY views DESC, movie_id LIMIT {FIRST_SAMPLE})
TO STDOUT (FORMAT binary)
"""  # noqa: S608 - a constant
# All movies with at least FEWEST views that could be in a list.
VIEWED = """
COPY (SELECT id, views, hidden, profile FROM movies_viewcount JOIN movies_movie ON id = movie_id
      WHERE views >= FEWEST AND (COULD_ENTER))
TO STDOUT (FORMAT binary)
"""
# The same, including movies without any view on record.
ALL = """
COPY (SELECT id, coalesce(views, 0), hidden, profile
      FROM movies_movie LEFT JOIN movies_viewcount ON movie_id = id WHERE COULD_ENTER)
TO STDOUT (FORMAT binary)
"""
STORE = """
INSERT INTO movies_popularlist (genre, movie_ids, refreshed_at)
SELECT genre, string_to_array(ids, ',')::bigint[], %s FROM unnest(%s::text[], %s::text[]) AS new (genre, ids)
ON CONFLICT (genre) DO UPDATE SET movie_ids = excluded.movie_ids, refreshed_at = excluded.refreshed_at
"""

# The visible movies before one in each list, and itself.
PLACES = """
SELECT genre, cardinality(ARRAY(
    SELECT id FROM unnest(movie_ids[:array_position(movie_ids, %(movie)s)]) AS before (id)
    JOIN movies_movie USING (id) WHERE NOT hidden))
FROM movies_popularlist WHERE movie_ids @> ARRAY[%(movie)s]::bigint[]
"""

IS_SHORT = """
SELECT NOT EXISTS (SELECT FROM movies_popularlist WHERE genre = %(overall)s AND cardinality(movie_ids) >= %(full)s)
    OR EXISTS (
        SELECT FROM movies_popularlist WHERE cardinality(movie_ids) >= %(full)s AND %(enough)s > (
            SELECT count(*) FROM movies_movie WHERE id = ANY (movie_ids) AND NOT hidden))
"""

Column = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The result of a refresh. `movies_read` counts a movie once for each query that read it."""

    lists: int
    movies_read: int
    seconds: float


def refresh() -> Refreshed:
    """Stores all 16 lists as of one instant. Readers see the old or the new ones; concurrent refreshes take turns."""
    started = time.monotonic()
    own_transaction = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if own_transaction:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # The lock comes before the first query, which takes the snapshot: it includes what was committed during a
        # wait. The inventory's row, which new lists rewrite, must not be newer than the snapshot either.
        cursor.execute("LOCK TABLE movies_popularlist, movies_inventory IN EXCLUSIVE MODE")
        lists, movies_read = _lists(cursor)
        names, ids = list(lists), [",".join(map(str, ids)) for ids in lists.values()]
        cursor.execute(STORE, [datetime.now(UTC), names, ids])
    return Refreshed(len(lists), movies_read, time.monotonic() - started)


def refresh_if_short() -> Refreshed | None:
    """Refreshes while the overall list is not full, so that a new inventory need not wait for the schedule.

    Also refreshes when too few movies of a full list are still visible for reads to use it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            IS_SHORT, {"full": STORED_LIST_LENGTH, "enough": MAX_POPULAR_MOVIES, "overall": OVERALL}
        )
        (short,) = cursor.fetchone()
    return refresh() if short else None


def places(movie_id: int) -> dict[str, int]:
    """The place of a visible movie in each list that has it, from 1 on. The lists have STORED_LIST_LENGTH places."""
    with connection.cursor() as cursor:
        cursor.execute(PLACES, {"movie": movie_id})
        return dict(cursor.fetchall())


def visible() -> tuple[Column, Column, NDArray[np.int16]]:
    """Id, views and profile of every visible movie."""
    with connection.cursor() as cursor:
        found = _rows(cursor, ALL.replace("COULD_ENTER", "NOT hidden"))
    return (
        found["id"].astype(np.int64),
        found["views"].astype(np.int64),
        found["profile"]["weight"].astype(np.int16),
    )


@dataclass(frozen=True, slots=True)
class _Best:
    """The STORED_LIST_LENGTH best visible ones of some movies: by score, then weight, then the lower id.

    A full list also has at most MAX_HIDDEN hidden movies that rank above its last one. A shorter list has all
    visible movies and no hidden ones.
    """

    ids: Column
    bound: int  # the lowest score of a full list; 0 for a shorter one

    @classmethod
    def of(cls, score: Column, weight: Column, ids: Column, hidden: NDArray[np.bool_]) -> Self:
        """Leaves out movies of weight 0, which do not belong to the genre."""
        some = np.flatnonzero(weight)
        visible = some[~hidden[some]]
        full = len(visible) >= STORED_LIST_LENGTH
        bound = int(np.partition(score[visible], -STORED_LIST_LENGTH)[-STORED_LIST_LENGTH]) if full else 0
        # sorts the few candidates, not all
        some = some[score[some] >= bound] if full else visible
        order = some[np.lexsort((ids[some], -weight[some], -score[some]))]
        if full:
            places = np.cumsum(~hidden[order])
            order = order[: np.searchsorted(places, STORED_LIST_LENGTH) + 1]
            order = order[~hidden[order] | (np.cumsum(hidden[order]) <= MAX_HIDDEN)]
        return cls(ids[order], bound)


def _lists(cursor: Any) -> tuple[dict[str, list[int]], int]:
    """The lists, and how many movies were read.

    The last score of a list made of some movies is a lower bound: movies with a lower score are in no list. So the
    second, exact query leaves out nearly all. Movies listed so far give a high bound, whatever was viewed since.
    """
    known = _rows(cursor, LISTED)
    best = _best_of(known)
    if not all(list_.bound for list_ in best.values()):
        known = _rows(cursor, MOST_VIEWED)
        best = _best_of(known)
    fewest = min(-(-list_.bound // (1 if genre == OVERALL else TOTAL)) for genre, list_ in best.items())
    query = (VIEWED if fewest else ALL).replace("FEWEST", str(fewest))
    found = _rows(cursor, query.replace("COULD_ENTER", _could_enter(best)))
    lists = _best_of(found)
    return {genre: list_.ids.tolist() for genre, list_ in lists.items()}, len(known) + len(found)


def _could_enter(best: dict[str, _Best]) -> str:
    """The SQL condition that a movie reaches the bound of some list. Ties are decided later.

    Most movies have too few views for most lists, and comparing views costs less than reading a weight.
    """
    bounds = {genre: list_.bound for genre, list_ in best.items()}
    conditions = [f"views >= {bounds[OVERALL]}" if bounds[OVERALL] else "true"]
    for place, genre in enumerate(GENRES, 1):
        bound, weight = bounds[genre], f"profile[{place}]"
        conditions.append(
            f"views >= {-(-bound // TOTAL)} AND {weight} * views >= {bound}" if bound else f"{weight} > 0"
        )
    return " OR ".join(conditions)


def _rows(cursor: Any, query: str) -> NDArray[np.void]:
    copied = io.BytesIO()
    cursor.copy_expert(query, copied)
    return np.frombuffer(copied.getbuffer()[HEADER:-TRAILER], dtype=ROW)


def _best_of(rows: NDArray[np.void]) -> dict[str, _Best]:
    ids, views = rows["id"].astype(np.int64), rows["views"].astype(np.int64)
    # one row for each genre, because each is ranked by itself
    weights = np.ascontiguousarray(rows["profile"]["weight"].T).astype(np.int64)
    hidden = rows["hidden"].copy()
    best = {OVERALL: _Best.of(views, np.ones_like(views), ids, hidden)}
    for genre, weight in zip(GENRES, weights, strict=True):
        best[genre] = _Best.of(views * weight, weight, ids, hidden)
    return best
