"""The most popular movies of each genre and of all, exact over the whole inventory, recomputed as one.

Popularity in a genre is views x weight, so a movie with v views reaches at most 100 v. Only movies with views
enough to enter a list are looked at closely: a few percent of them when views are long-tailed, all at worst.

A full list keeps the places of hidden movies too. Reads leave them out, and a movie that is shown again is where it
was at the next request.
"""

import io
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from movies.catalog import popular_cache
from movies.genres import GENRES, OVERALL
from movies.profiles import TOTAL

LONGEST = popular_cache.PLACES  # visible movies; a list of so many is full
MOST_HIDDEN = 200  # hidden movies that keep their places beside them
FIRST_LOOK = 8_000  # movies: enough to fill all lists, so that their bounds are good ones

# COPY's binary form of (id, views, hidden, profile): every row has the same length
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

# What is known to be good: the movies listed so far, and the most viewed.
LISTED = """
COPY (SELECT id, coalesce(views, 0), hidden, profile
      FROM movies_movie LEFT JOIN movies_viewcount ON movie_id = id
      WHERE id = ANY (ARRAY(SELECT unnest(movie_ids) FROM movies_popularlist)))
TO STDOUT (FORMAT binary)
"""
MOST_VIEWED = f"""
COPY (SELECT id, views, hidden, profile FROM movies_viewcount JOIN movies_movie ON id = movie_id
      ORDER BY views DESC, movie_id LIMIT {FIRST_LOOK})
TO STDOUT (FORMAT binary)
"""  # noqa: S608 - a number of ours
# All movies with at least so many views that could be in a list.
VIEWED = """
COPY (SELECT id, views, hidden, profile FROM movies_viewcount JOIN movies_movie ON id = movie_id
      WHERE views >= FEWEST AND (COULD_ENTER))
TO STDOUT (FORMAT binary)
"""
# The same, those included that nothing was ever counted for.
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

SHORT = """
SELECT NOT EXISTS (SELECT FROM movies_popularlist WHERE genre = %(overall)s AND cardinality(movie_ids) >= %(full)s)
    OR EXISTS (
        SELECT FROM movies_popularlist WHERE cardinality(movie_ids) >= %(full)s AND %(enough)s > (
            SELECT count(*) FROM movies_movie WHERE id = ANY (movie_ids) AND NOT hidden))
"""

Column = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh came to."""

    lists: int
    movies_looked_at: int
    seconds: float


def refresh() -> Refreshed:
    """All 16 lists are as of one instant; readers see the old or the new. Another refresh waits its turn."""
    started = time.monotonic()
    own_transaction = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if own_transaction:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # Before the first query, which takes the snapshot: after a wait it has what was committed meanwhile.
        # The inventory's row, which new lists write anew, must not be newer than the snapshot either.
        cursor.execute("LOCK TABLE movies_popularlist, movies_inventory IN EXCLUSIVE MODE")
        lists, looked_at = _lists(cursor)
        names, ids = list(lists), [",".join(map(str, ids)) for ids in lists.values()]
        cursor.execute(STORE, [datetime.now(UTC), names, ids])
    return Refreshed(len(lists), looked_at, time.monotonic() - started)


def refresh_if_short() -> Refreshed | None:
    """Refreshes while the overall list is not full: a new inventory need not wait for the clock.

    Also where so many movies of a full list were hidden or deleted that reads have to do without it.
    """
    with connection.cursor() as cursor:
        cursor.execute(SHORT, {"full": LONGEST, "enough": popular_cache.LONGEST, "overall": OVERALL})
        (short,) = cursor.fetchone()
    return refresh() if short else None


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
    """The best LONGEST visible ones of some movies: by score, then weight, then the lower id.

    Hidden movies that are no worse than the last of them are there too, at most MOST_HIDDEN. Where there are fewer
    than LONGEST, the visible ones are all that there is.
    """

    ids: Column
    bound: int  # a movie of a lower score is not among them; 0 when there are fewer than LONGEST

    @classmethod
    def of(cls, score: Column, weight: Column, ids: Column, hidden: NDArray[np.bool_]) -> Self:
        """Movies of weight 0 are left out: they have nothing of the genre."""
        some = np.flatnonzero(weight)
        visible = some[~hidden[some]]
        full = len(visible) >= LONGEST
        bound = int(np.partition(score[visible], -LONGEST)[-LONGEST]) if full else 0
        # sorting the few that can be among them, not all
        some = some[score[some] >= bound] if full else visible
        order = some[np.lexsort((ids[some], -weight[some], -score[some]))]
        if full:
            places = np.cumsum(~hidden[order])
            order = order[: np.searchsorted(places, LONGEST) + 1]
            order = order[~hidden[order] | (np.cumsum(hidden[order]) <= MOST_HIDDEN)]
        return cls(ids[order], bound)


def _lists(cursor: Any) -> tuple[dict[str, list[int]], int]:
    """The lists, and how many movies were looked at.

    The last place of a list made of some good movies is a bound: what is worse is in no list. So the second,
    exact look leaves out nearly everything. Those listed so far are good ones, whatever was viewed since.
    """
    known = _rows(cursor, LISTED)
    best = _best_of(known)
    if not all(list_.bound for list_ in best.values()):
        known = _rows(cursor, MOST_VIEWED)
        best = _best_of(known)
    fewest = min(-(-list_.bound // (1 if genre == OVERALL else TOTAL)) for genre, list_ in best.items())
    look = (VIEWED if fewest else ALL).replace("FEWEST", str(fewest))
    found = _rows(cursor, look.replace("COULD_ENTER", _could_enter(best)))
    lists = _best_of(found)
    return {genre: list_.ids.tolist() for genre, list_ in lists.items()}, len(known) + len(found)


def _could_enter(best: dict[str, _Best]) -> str:
    """The condition, in SQL, that a movie is no worse than the last of some list. Ties are decided later."""
    bounds = {genre: list_.bound for genre, list_ in best.items()}
    conditions = [f"views >= {bounds[OVERALL]}" if bounds[OVERALL] else "true"]
    for place, genre in enumerate(GENRES, 1):
        bound = bounds[genre]
        conditions.append(f"profile[{place}] * views >= {bound}" if bound else f"profile[{place}] > 0")
    return " OR ".join(conditions)


def _rows(cursor: Any, look: str) -> NDArray[np.void]:
    taken = io.BytesIO()
    cursor.copy_expert(look, taken)
    return np.frombuffer(taken.getbuffer()[HEADER:-TRAILER], dtype=ROW)


def _best_of(rows: NDArray[np.void]) -> dict[str, _Best]:
    ids, views = rows["id"].astype(np.int64), rows["views"].astype(np.int64)
    # a genre a row, as each is worked on by itself
    weights = np.ascontiguousarray(rows["profile"]["weight"].T).astype(np.int64)
    hidden = rows["hidden"].copy()
    best = {OVERALL: _Best.of(views, np.ones_like(views), ids, hidden)}
    for genre, weight in zip(GENRES, weights, strict=True):
        best[genre] = _Best.of(views * weight, weight, ids, hidden)
    return best
