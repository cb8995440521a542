"""Caches the JSON of every visible movie in the process, and keeps it current by the inventory version."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

import orjson
from django.db import connection

from movies.genres import GENRES

# How a client sees a movie, defined here alone. An entry ends where the progress follows, as in NO_PROGRESS.
_ENTRY = '{"id":%s,"title":%s,"profile":{' + ",".join(f'"{genre}":%s' for genre in GENRES) + '},"progress":'
NO_PROGRESS = b"0}"

# After a larger jump of the inventory version the cache is emptied, and fills with what requests ask for.
# (A change costs 10 us to catch up with; a bulk load raises the version by a million and logs no changes.)
MAX_CHANGES_TO_CATCH_UP = 2_000
DAY_SECONDS = 24 * 3600.0
LOAD_BATCH_SIZE = 20_000

CATCH_UP = """
SELECT i.version, (SELECT min(id) FROM movies_moviechange),
    wanted.id, m.title, array_to_string(m.profile, ',')
FROM movies_inventory i
LEFT JOIN (
    SELECT movie_id AS id FROM movies_moviechange WHERE id > %s
    UNION SELECT unnest(%s::bigint[])
) AS wanted ON true
LEFT JOIN movies_movie m ON m.id = wanted.id AND NOT m.hidden
"""


def render_entry(movie_id: int, title: str, weights: Iterable[object]) -> bytes:
    """The movie's JSON as clients see it, up to its progress."""
    return (_ENTRY % (movie_id, orjson.dumps(title).decode(), *weights)).encode()


def render_list(entries: Iterable[bytes]) -> bytes:
    """A JSON array of the entries, each with progress 0."""
    inside = b"0},".join(entries)
    return b"[%b0}]" % inside if inside else b"[]"


class MovieCache:
    """Entries by movie id; None for a movie that is hidden or does not exist.

    `find` returns what was committed when the given version was read, or newer. Threads may share the cache:
    one thread catches up while others wait, and a thread whose version is cached does not wait.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock  # seconds
        self.clear()
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Empties the cache."""
        self._entries: dict[int, bytes | None] = {}
        self._version = -1
        self._compared_at = 0.0  # when the version was last compared with the change log

    def __len__(self) -> int:
        return len(self._entries)

    def load(self) -> None:
        """Loads every visible movie (about 115 MB for 300,000 movies). Raises django.db.DatabaseError."""
        with self._lock, connection.cursor() as cursor:
            entries: dict[int, bytes | None] = {}
            now = self._clock()
            # The version is read first. Movies may be newer; catching up then repeats those changes.
            cursor.execute("SELECT version FROM movies_inventory")
            (version,) = cursor.fetchone() or (-1,)
            last = 0
            while True:
                cursor.execute(
                    "SELECT id, title, array_to_string(profile, ',') FROM movies_movie"
                    " WHERE id > %s AND NOT hidden ORDER BY id LIMIT %s",
                    [last, LOAD_BATCH_SIZE],
                )
                rows = cursor.fetchall()
                for movie_id, title, weights in rows:
                    entries[movie_id] = render_entry(movie_id, title, weights.split(","))
                if len(rows) < LOAD_BATCH_SIZE:
                    break
                last = rows[-1][0]
            self._entries, self._version, self._compared_at = entries, version, now

    def find(self, version: int, movie_ids: Sequence[int]) -> list[bytes | None]:
        """The entry of each id, as of this inventory version or a later one. At most one SQL statement.

        Raises django.db.DatabaseError.
        """
        if version == self._version:
            try:
                return list(map(self._entries.__getitem__, movie_ids))
            except KeyError:
                pass
        with self._lock:
            entries = self._catch_up(version, movie_ids)
        return list(map(entries.__getitem__, movie_ids))

    def _catch_up(self, version: int, movie_ids: Sequence[int]) -> dict[int, bytes | None]:
        behind = version != self._version
        if behind and version - self._version > MAX_CHANGES_TO_CATCH_UP:
            self._entries, self._version = {}, version
        now = self._clock()
        with connection.cursor() as cursor:
            # Asks for all ids, not only the missing ones, because the cache may prove too old to be updated.
            cursor.execute(CATCH_UP, [self._version, list(movie_ids)])
            rows = cursor.fetchall()
        current, oldest_change = rows[0][:2]
        found = {
            movie_id: None if title is None else render_entry(movie_id, title, weights.split(","))
            for _, _, movie_id, title, weights in rows
            if movie_id is not None
        }
        trimmed = now - self._compared_at > DAY_SECONDS and (
            oldest_change is None or oldest_change > self._version
        )
        if current < self._version or (trimmed and behind):
            # The database was restored from a backup, or the change log was trimmed: other entries may be stale.
            self._entries = found
        else:
            self._entries.update(found)
        self._version, self._compared_at = current, now
        return self._entries


movie_cache = MovieCache()  # one for the process
