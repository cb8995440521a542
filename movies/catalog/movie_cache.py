"""Caches the JSON of every visible movie in the process, and keeps it current by the inventory version."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence

import orjson
from django.db import Error, connection

from movies.foundation.numbers import MAX_BIGINT
from movies.genres import GENRES

logger = logging.getLogger(__name__)

# How a client sees a movie, defined here alone. An entry ends where the progress follows, as in NO_PROGRESS.
_ENTRY = '{"id":%s,"title":%s,"profile":{' + ",".join(f'"{genre}":%s' for genre in GENRES) + '},"progress":'
NO_PROGRESS = b"0}"

# After a larger jump of the inventory version the cache is emptied, and a thread refills it.
# (A change costs 10 us to catch up with; a bulk load raises the version by a million and logs no changes.)
MAX_CHANGES_TO_CATCH_UP = 2_000
DAY_SECONDS = 24 * 3600.0
LOAD_BLOCK_SIZE = 20_000  # movies, before the process serves
# Reads of the process go on beside a refill, and one that needs the interpreter waits until a block is rendered.
REFILL_BLOCK_SIZE = 500  # movies, rendered in about 1 ms; smaller blocks cost PostgreSQL more statements
REFILL_REST = 1.0  # the pause after a block, as a share of the CPU time that the block took
MAX_RETRY_SECONDS = 10.0  # the pause before a refill tries again doubles up to this

# The limits keep the planner from a scan of all movies while its statistics are older than a bulk load.
CATCH_UP = """
SELECT i.version, (SELECT min(id) FROM movies_moviechange),
    wanted.id, m.title, array_to_string(m.profile, ',')
FROM movies_inventory i
LEFT JOIN (
    (SELECT movie_id AS id FROM movies_moviechange WHERE id > %s ORDER BY movies_moviechange.id LIMIT %s)
    UNION SELECT unnest(%s::bigint[])
) AS wanted ON true
LEFT JOIN LATERAL (
    SELECT title, profile FROM movies_movie WHERE id = wanted.id AND NOT hidden LIMIT 1
) AS m ON true
"""

# The version is of the same snapshot as the movies.
BLOCK = """
SELECT i.version, m.id, m.title, array_to_string(m.profile, ',')
FROM movies_inventory i
LEFT JOIN (
    SELECT id, title, profile FROM movies_movie WHERE id > %s AND NOT hidden ORDER BY id LIMIT %s
) AS m ON true
"""


def render_entry(movie_id: int, title: str, weights: Iterable[object]) -> bytes:
    """The movie's JSON as clients see it, up to its progress."""
    return (_ENTRY % (movie_id, orjson.dumps(title).decode(), *weights)).encode()


def render_list(entries: Iterable[bytes]) -> bytes:
    """A JSON array of the entries, each with progress 0."""
    inside = b"0},".join(entries)
    return b"[%b0}]" % inside if inside else b"[]"


def _fetch(since: int, movie_ids: Sequence[int]) -> tuple[int, int | None, dict[int, bytes | None]]:
    """The inventory version, the oldest change on record, and the entries of these movies and those changed since."""
    with connection.cursor() as cursor:
        cursor.execute(CATCH_UP, [since, MAX_CHANGES_TO_CATCH_UP, list(movie_ids)])
        rows = cursor.fetchall()
    found = {
        movie_id: None if title is None else render_entry(movie_id, title, weights.split(","))
        for _, _, movie_id, title, weights in rows
        if movie_id is not None
    }
    return (*rows[0][:2], found)


class MovieCache:
    """Entries by movie id; None for a movie that is hidden or does not exist.

    `find` returns what was committed when the given version was read, or newer. Threads may share the cache:
    one thread catches up, others meanwhile read what they need themselves, and none waits for another.

    The invariant: each entry is as of `_version` or a later version, and so is each that is added.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock  # seconds
        self._lock = threading.Lock()
        self._refiller: threading.Thread | None = None
        self._stop_refill = threading.Event()
        self._keep_whole = False  # whether a refill follows when the cache is emptied
        self._compared_at = 0.0  # when the version was last compared with the change log
        self._entries: dict[int, bytes | None] = {}
        self._version = -1
        self._whole = False

    def clear(self) -> None:
        """Empties the cache and stops its refill; it then fills with what is asked for, until `load` is called."""
        with self._lock:
            self._keep_whole = False
            self._stop_refill.set()
            refiller = self._refiller
        if refiller is not None:
            refiller.join()
        self._compared_at = 0.0
        self._reset({}, -1)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def whole(self) -> bool:
        """Whether every visible movie is cached."""
        return self._whole

    def load(self) -> None:
        """Loads every visible movie, and from now on refills the cache in the background when it was emptied.

        Raises django.db.Error; then the cache is refilled in the background once the database answers a read.
        """
        self._keep_whole = True
        with self._lock, connection.cursor() as cursor:
            self._compared_at = self._clock()
            cursor.execute("SELECT version FROM movies_inventory")
            self._reset({}, (cursor.fetchone() or (-1,))[0])
        self._add_missing(LOAD_BLOCK_SIZE, lambda cpu_seconds: False)

    def find(self, version: int, movie_ids: Sequence[int]) -> list[bytes | None]:
        """The entry of each id, as of this inventory version or a later one. At most one SQL statement.

        Raises django.db.DatabaseError.
        """
        if version == self._version:
            try:
                return list(map(self._entries.__getitem__, movie_ids))
            except KeyError:
                pass
        if self._lock.acquire(blocking=False):
            try:
                entries = self._catch_up(version, movie_ids)
            finally:
                self._lock.release()
        else:
            entries = _fetch(MAX_BIGINT, movie_ids)[2]
        return list(map(entries.__getitem__, movie_ids))

    def _catch_up(self, version: int, movie_ids: Sequence[int]) -> dict[int, bytes | None]:
        behind = version != self._version
        if behind and version - self._version > MAX_CHANGES_TO_CATCH_UP:
            self._reset({}, version)
        now = self._clock()
        # Asks for all ids, not only the missing ones, because the cache may prove too old to be updated.
        current, oldest_change, found = _fetch(self._version, movie_ids)
        trimmed = now - self._compared_at > DAY_SECONDS and (
            oldest_change is None or oldest_change > self._version
        )
        jumped = current - self._version > MAX_CHANGES_TO_CATCH_UP
        if jumped or current < self._version or (trimmed and behind):
            # A bulk load was committed since the caller read its version, the database was restored from a backup,
            # or the change log was trimmed: other entries may be stale.
            self._reset(found, current)
        else:
            self._entries.update(found)
        self._version, self._compared_at = current, now
        if self._keep_whole and not self._whole:
            self._start_refill()
        return self._entries

    def _reset(self, entries: dict[int, bytes | None], version: int) -> None:
        self._whole = False
        self._entries, self._version = entries, version

    def _start_refill(self) -> None:
        """At most one thread at a time. Started by a read, because threads do not survive a fork."""
        if self._refiller is None or not self._refiller.is_alive():
            self._stop_refill = threading.Event()
            self._refiller = threading.Thread(
                target=self._refill, args=[self._stop_refill], name="movie cache refill", daemon=True
            )
            self._refiller.start()

    def _refill(self, stop: threading.Event) -> None:
        """The thread: adds what is missing until the cache is whole. Waits and retries without a database."""
        started = time.monotonic()
        retry_seconds = 0.1
        try:
            while not stop.is_set():
                try:
                    if self._add_missing(
                        REFILL_BLOCK_SIZE, lambda cpu_seconds: stop.wait(REFILL_REST * cpu_seconds)
                    ):
                        seconds = time.monotonic() - started
                        logger.info("Refilled the movie cache in %.1f s: %d movies", seconds, len(self))
                        return
                except Error as error:
                    logger.warning("Refilling the movie cache later: %s", str(error).strip())
                    connection.close()
                stop.wait(retry_seconds)
                retry_seconds = min(2 * retry_seconds, MAX_RETRY_SECONDS)
        finally:
            connection.close()

    def _add_missing(self, block_size: int, rest: Callable[[float], bool]) -> bool:
        """Adds all visible movies that are not cached, block by block; returns whether the cache is whole.

        `rest` is called after each block with the CPU seconds it took, and stops the work by returning True. If a
        read empties the cache meanwhile, the work starts again. Raises django.db.Error.

        No entry is replaced. Whatever changes after a block is read is cached by the read that catches up with it,
        or empties the cache. So a movie that is still missing afterwards has not changed.
        """
        entries, last = self._entries, 0
        while True:
            with self._lock:
                if self._entries is not entries:
                    entries, last = self._entries, 0
                cached = self._version
            began = time.thread_time()
            with connection.cursor() as cursor:
                cursor.execute(BLOCK, [last, block_size])
                rows = cursor.fetchall()
            if rows and rows[0][0] < cached:
                return False  # the database was restored from a backup, which the next read notices
            block = {
                movie_id: render_entry(movie_id, title, weights.split(","))
                for _, movie_id, title, weights in rows
                if movie_id is not None
            }
            with self._lock:
                if self._entries is entries:
                    entries.update(
                        {movie_id: entry for movie_id, entry in block.items() if movie_id not in entries}
                    )
                    if len(block) < block_size:
                        self._whole = True
                        return True
                    last = max(block)
            if rest(time.thread_time() - began):
                return False


movie_cache = MovieCache()  # one for the process
