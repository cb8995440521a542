"""The snapshot that a process keeps, and what changed in the inventory since it was loaded."""

import threading
import time
from collections.abc import Collection
from typing import NamedTuple

from django.db import connection

from movies.viewing.view_counting import existing
from recommendations.recommender import snapshot
from recommendations.recommender.snapshot import Snapshot

MAX_CHANGES = (
    2_000  # of the inventory since it was loaded; after more, or a bulk load, it is loaded again at once
)
LOAD_PAUSE = 20  # it is used for so many times the seconds that it took to load: at most 5% of a core

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
            _kept = snapshot.load()
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
