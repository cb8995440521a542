"""The inventory as the recommender sees it, in numpy: visible movies with their recent views, and all profiles.

A process keeps one snapshot, and asks what changed since.
"""
# ruff: noqa: S608 - the statement is composed of constants

import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from movies.genres import GENRES
from movies.viewing.view_counting import existing
from recommendations.recommender.catalog import UNIT_BITS, Catalog

CHUNK = 20_000  # ids of movies in one row of the result, which holds 2.5 MB
MOVIES = f"""
SELECT string_agg(
    int8send(id)
    || int8send(CASE WHEN hidden THEN 0 ELSE div(coalesce(recent, 0) * {2**UNIT_BITS}, most)::bigint END)
    || boolsend(hidden) || array_send(profile), '' ORDER BY id)
FROM movies_movie LEFT JOIN movies_viewcount ON movie_id = id, (
    SELECT greatest(1, max(recent)) AS most FROM movies_viewcount JOIN movies_movie ON id = movie_id WHERE NOT hidden
) AS viewed
GROUP BY id / {CHUNK} ORDER BY id / {CHUNK}
"""
ROW = np.dtype(
    [
        ("id", ">i8"), ("views", ">i8"), ("hidden", "?"), ("profile_head", "V20"),
        ("profile", [("length", ">i4"), ("weight", ">i2")], (len(GENRES),)),
    ]
)  # fmt: skip
MAX_CHANGES = 2_000  # of the inventory since it was loaded; after more, or a bulk load, it is loaded at once
LOAD_PAUSE = 20  # it is used for so many times the seconds that it took to load: at most 5% of a core


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All movies as of one instant: 62 bytes for each that is visible."""

    catalog: Catalog  # the visible ones
    version: int  # of the inventory, not newer than the movies
    ids: NDArray[np.int64]  # of all movies, ascending
    profiles: NDArray[np.uint8]  # of all movies: a row of 15 weights each
    seconds: float  # it took to load
    loaded_at: float  # time.monotonic()

    def profiles_of(self, movie_ids: Sequence[int]) -> NDArray[np.float64]:
        """The profiles of those of the movies that exist, in the given order, as rows of shares that sum to 1."""
        wanted = np.asarray(movie_ids, np.int64)
        places = np.searchsorted(self.ids, wanted)
        there = places < len(self.ids)
        there[there] = self.ids[places[there]] == wanted[there]
        return self.profiles[places[there]] / 100.0

    def unknown(self, movie_ids: Collection[int]) -> list[int]:
        """Those of the movies that are not in it."""
        wanted = np.fromiter(movie_ids, np.int64, len(movie_ids))
        return wanted[~np.isin(wanted, self.ids)].tolist()


def load() -> Snapshot:
    """Reads all movies, in two statements."""
    began = time.monotonic()
    with connection.cursor() as cursor:
        # First, so that changes committed in between are looked at once more, not missed.
        cursor.execute("SELECT version FROM movies_inventory")
        (version,) = cursor.fetchone()
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(MOVIES)
        chunks = []
        while row := cursor.fetchone():  # one at a time, so that no thread holds the interpreter for long
            chunks.append(np.frombuffer(row[0], ROW))
    rows = np.concatenate(chunks) if chunks else np.empty(0, ROW)
    ids, profiles = rows["id"].astype(np.int64), rows["profile"]["weight"].astype(np.uint8)
    visible = ~rows["hidden"]
    catalog = Catalog(ids[visible], profiles[visible], rows["views"][visible].astype(np.float64))
    now = time.monotonic()
    return Snapshot(catalog, version, ids, profiles, now - began, now)


_lock = threading.Lock()
_kept: Snapshot | None = None


class Current(NamedTuple):
    """A snapshot, and those of its movies that were hidden or deleted since."""

    snapshot: Snapshot
    gone: set[int]


def current(finished: Collection[int] = ()) -> Current:
    """The snapshot that this process keeps.

    It is loaded again after a while, because views change popularity all the time; at once if many movies changed, or
    if it lacks one of the `finished` movies.
    """
    global _kept  # noqa: PLW0603 - the threads of a process share it
    with _lock:
        version = _inventory_version()
        if _kept is None or _is_outdated(_kept, version, finished):
            _kept = load()
            version = _inventory_version()
        return Current(_kept, _gone(_kept.version, version))


def clear() -> None:
    """The process keeps no snapshot any more."""
    global _kept  # noqa: PLW0603
    _kept = None


def _is_outdated(kept: Snapshot, version: int, finished: Collection[int]) -> bool:
    changes = version - kept.version
    return (
        time.monotonic() - kept.loaded_at > LOAD_PAUSE * kept.seconds
        or not 0 <= changes <= MAX_CHANGES
        or (changes > 0 and bool(existing(kept.unknown(finished))))
    )


def _inventory_version() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM movies_inventory")
        return int(cursor.fetchone()[0])


def _gone(since: int, version: int) -> set[int]:
    """The movies changed after `since` that are hidden or deleted now."""
    if version == since:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT change.movie_id FROM movies_moviechange AS change
            LEFT JOIN movies_movie AS movie ON movie.id = change.movie_id
            WHERE change.id > %s AND (movie.id IS NULL OR movie.hidden)
            """,
            [since],
        )
        return {movie_id for (movie_id,) in cursor.fetchall()}
