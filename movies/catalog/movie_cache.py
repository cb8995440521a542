"""Every visible movie's ready-made JSON, held in the process, right as of the inventory version asked for."""

import threading
import time
from collections.abc import Iterable, Sequence

import orjson
from django.db import connection

from movies.genres import GENRES

# The one place that knows how a client sees a movie. Entries end where the progress goes: b"0}" follows.
_ENTRY = '{"id":%s,"title":%s,"profile":{' + ",".join(f'"{genre}":%s' for genre in GENRES) + '},"progress":'
NO_PROGRESS = b"0}"

# A jump of the inventory version beyond this is not caught up with change by change: the cache starts afresh
# and fills with what is asked for. (10 us a change; a bulk load jumps by a million and lists nothing.)
MOST_CHANGES = 2_000
DAY_SECONDS = 24 * 3600.0
LOADED_AT_ONCE = 20_000

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


def entry(movie_id: int, title: str, weights: Iterable[object]) -> bytes:
    """The movie as clients see it, up to its progress."""
    return (_ENTRY % (movie_id, orjson.dumps(title).decode(), *weights)).encode()


def listed(entries: Iterable[bytes]) -> bytes:
    """A JSON array of movies that nobody has begun."""
    inside = b"0},".join(entries)
    return b"[%b0}]" % inside if inside else b"[]"


class Catalog:
    """Entries by movie id; None for a movie that is hidden or does not exist.

    What `find` gives is what was committed when the version that it is given was read, or newer. Threads may
    share it: one catches up while the others wait, and those that are not behind do not even wait.
    """

    def __init__(self) -> None:
        self.forget()
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Nothing is held any more."""
        self._entries: dict[int, bytes | None] = {}
        self._version = -1
        self._at = 0.0  # when the version was last compared with the change log

    def __len__(self) -> int:
        return len(self._entries)

    def load(self) -> None:
        """Everything visible is held (300,000 movies: some 130 MB). Raises the database's errors."""
        with self._lock, connection.cursor() as cursor:
            entries: dict[int, bytes | None] = {}
            now = time.monotonic()
            # First the version, then the movies, which may be newer: catching up sees those changes again.
            cursor.execute("SELECT version FROM movies_inventory")
            (version,) = cursor.fetchone() or (-1,)
            last = 0
            while True:
                cursor.execute(
                    "SELECT id, title, array_to_string(profile, ',') FROM movies_movie"
                    " WHERE id > %s AND NOT hidden ORDER BY id LIMIT %s",
                    [last, LOADED_AT_ONCE],
                )
                rows = cursor.fetchall()
                for movie_id, title, weights in rows:
                    entries[movie_id] = entry(movie_id, title, weights.split(","))
                if len(rows) < LOADED_AT_ONCE:
                    break
                last = rows[-1][0]
            self._entries, self._version, self._at = entries, version, now

    def find(self, version: int, movie_ids: Sequence[int]) -> list[bytes | None]:
        """The entry of each id, as of this inventory version or a later one. At most one SQL statement."""
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
        if behind and version - self._version > MOST_CHANGES:
            self._entries, self._version = {}, version
        now = time.monotonic()
        with connection.cursor() as cursor:
            # All that is asked for, not only what is missing, in case the cache proves too old to mend.
            cursor.execute(CATCH_UP, [self._version, list(movie_ids)])
            rows = cursor.fetchall()
        current, oldest_change = rows[0][:2]
        found = {
            movie_id: None if title is None else entry(movie_id, title, weights.split(","))
            for _, _, movie_id, title, weights in rows
            if movie_id is not None
        }
        trimmed = now - self._at > DAY_SECONDS and (oldest_change is None or oldest_change > self._version)
        if current < self._version or (trimmed and behind):
            # The database was set back, or the log may no longer tell all that changed: only this is known.
            self._entries = found
        else:
            self._entries.update(found)
        self._version, self._at = current, now
        return self._entries


catalog = Catalog()  # the process's own
