"""The store of user lists in PostgreSQL: one row for each user."""

import functools
import itertools
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction

from movies.foundation.prepared_statements import PreparedStatement
from recommendations.list_reads import FirstRead
from recommendations.stores.base import Change, ServedRow, StoreUnavailable
from recommendations.stores.postgres_rows import columns, lists_of, texts, unread_of
from recommendations.user_lists import BUS, EMPTY_LISTS, UserLists

P = ParamSpec("P")
R = TypeVar("R")

# ruff: noqa: S608 (the statements are built from the constants here)
SERVED_ROW = (
    "SELECT i.version, u.recommended, u.watching, u.progress::text, u.dismissed{}"
    " FROM movies_inventory i LEFT JOIN recommendations_userlists u ON u.user_id = $1"
)
# NULL for nearly every read
UNREAD = """, CASE WHEN u.read_at IS NULL AND u.recommended_at IS NOT NULL
    THEN json_build_array(u.recommended_at, u.recommended_by, u.experiment, u.arm, u.other)::text END"""
SERVED = PreparedStatement("recommendations_served", ("bigint",), SERVED_ROW.format(""))
SERVED_OR_UNREAD = PreparedStatement(
    "recommendations_served_or_unread", ("bigint",), SERVED_ROW.format(UNREAD)
)
STORED = (
    "recommended, recommended_at, recommended_by, watching, progress, watched_at, brought_back_at, removed,"
    " finished, dismissed, experiment, arm, other, read_at"
)
COLUMNS = f"user_id, {STORED}"
# The values of a row are texts, because unnest takes no arrays of arrays of different lengths.
ROWS = f"unnest(%s::bigint[]{', %s::text[]' * 14}) AS new ({COLUMNS})"
# NULL for what nearly every row has: a list from the bus, nothing dismissed, and no experiment
BY, DISMISSED = "nullif(new.recommended_by, 'bus')", "nullif(new.dismissed::bigint[], '{}')"
VALUES = f"""new.recommended::bigint[], new.recommended_at::timestamptz, {BY}, new.watching::bigint[],
    new.progress::float8[], new.watched_at::timestamptz[], new.brought_back_at::timestamptz[],
    new.removed::jsonb, new.finished::jsonb, {DISMISSED},
    new.experiment::bigint, nullif(new.arm, ''), new.other::bigint[], nullif(new.read_at, '')::timestamptz"""
READ = f"SELECT {COLUMNS} FROM recommendations_userlists WHERE user_id = ANY (%s::bigint[])"
LOCK = f"{READ} ORDER BY user_id FOR NO KEY UPDATE"
# NULL for what stays as it is; the four columns of `watching` change together, and the three of an experiment
UPDATE = f"""UPDATE recommendations_userlists AS old SET ({STORED}, updated) = ROW(
        coalesce(new.recommended::bigint[], old.recommended),
        coalesce(new.recommended_at::timestamptz, old.recommended_at),
        CASE WHEN new.recommended_by IS NULL THEN old.recommended_by ELSE {BY} END,
        coalesce(new.watching::bigint[], old.watching),
        coalesce(new.progress::float8[], old.progress),
        coalesce(new.watched_at::timestamptz[], old.watched_at),
        CASE WHEN new.watching IS NULL THEN old.brought_back_at ELSE new.brought_back_at::timestamptz[] END,
        coalesce(new.removed::jsonb, old.removed), coalesce(new.finished::jsonb, old.finished),
        CASE WHEN new.dismissed IS NULL THEN old.dismissed ELSE {DISMISSED} END,
        CASE WHEN new.arm IS NULL THEN old.experiment ELSE new.experiment::bigint END,
        CASE WHEN new.arm IS NULL THEN old.arm ELSE nullif(new.arm, '') END,
        CASE WHEN new.arm IS NULL THEN old.other ELSE new.other::bigint[] END,
        CASE WHEN new.read_at IS NULL THEN old.read_at ELSE nullif(new.read_at, '')::timestamptz END, now())
    FROM {ROWS} WHERE old.user_id = new.user_id"""
INSERT = f"""INSERT INTO recommendations_userlists ({COLUMNS})
    SELECT new.user_id, {VALUES} FROM {ROWS} ORDER BY new.user_id
    ON CONFLICT (user_id) DO NOTHING RETURNING user_id"""
WRITE = f"""INSERT INTO recommendations_userlists AS old ({COLUMNS})
    SELECT new.user_id, {VALUES} FROM {ROWS} ORDER BY new.user_id
    ON CONFLICT (user_id) DO UPDATE SET ({STORED}, updated) = ROW(
        {", ".join(f"excluded.{name}" for name in STORED.split(", "))}, now())"""
# the locks first, in the order in which everybody takes them
MARK_READ = """WITH found AS (
    SELECT old.user_id, new.read_at FROM recommendations_userlists AS old
    JOIN unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS new (user_id, made_at, read_at)
        ON old.user_id = new.user_id AND old.recommended_at = new.made_at
    WHERE old.read_at IS NULL ORDER BY old.user_id FOR NO KEY UPDATE OF old)
    UPDATE recommendations_userlists AS old SET read_at = found.read_at
    FROM found WHERE old.user_id = found.user_id"""
COUNT_CACHE_SECONDS = 60  # how long a count is reused that took more than SLOW_COUNT_SECONDS
SLOW_COUNT_SECONDS = 0.2
SAMPLE_BATCH = 100  # rows converted at a time: about a millisecond
WRITE_BATCH = 2_000  # rows in a statement of `write`: about a megabyte


def _unavailable(method: Callable[P, R]) -> Callable[P, R]:
    """Raises StoreUnavailable for lost connections, and for lock conflicts, which may be retried."""

    @functools.wraps(method)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            raise StoreUnavailable(str(error).strip()) from error

    return wrapped


class PostgresStore:
    """A ListStore on Django's default connection; `update` takes part in the caller's transaction."""

    def __init__(self) -> None:
        self._counted: tuple[float, int] | None = None

    @_unavailable
    def served(self, user_id: int, *, unread: bool = False) -> tuple[ServedRow | None, int]:
        statement = SERVED_OR_UNREAD if unread else SERVED
        version, recommended, watching, progress, dismissed, *more = statement.row(str(user_id))
        if recommended is None:
            return None, version
        # PostgreSQL formats floats as JSON does: {0.3,1e-09}
        shares = progress[1:-1].encode().split(b",") if watching else []
        not_logged = unread_of(more[0]) if more and more[0] else None
        return ServedRow(recommended, watching, shares, dismissed or (), not_logged), version

    @_unavailable
    def mark_read(self, reads: Collection[FirstRead]) -> None:
        values = columns((read.user_id, read.made_at, read.read_at) for read in reads)
        if values:
            with connection.cursor() as cursor:
                cursor.execute(MARK_READ, values)

    @_unavailable
    def read(self, user_id: int) -> UserLists | None:
        return self.read_each([user_id]).get(user_id)

    @_unavailable
    def read_each(self, user_ids: Collection[int]) -> dict[int, UserLists]:
        with connection.cursor() as cursor:
            cursor.execute(READ, [list(user_ids)])
            return {row[0]: lists_of(row) for row in cursor.fetchall()}

    @_unavailable
    def update(self, changes: Mapping[int, Change]) -> None:
        waiting = sorted(changes)
        # no savepoint: after an error the caller's transaction can only be rolled back
        with transaction.atomic(savepoint=False), connection.cursor() as cursor:
            # Repeats for users whose first row another writer inserted meanwhile: fewer each time.
            while waiting:
                waiting = self._update(cursor, waiting, changes)

    def _update(self, cursor: Any, user_ids: list[int], changes: Mapping[int, Change]) -> list[int]:
        """Updates users in at most three statements; returns those to repeat.

        Locks in order of the id, so that two batches never deadlock.
        """
        cursor.execute(LOCK, [user_ids])
        known = {row[0]: lists_of(row) for row in cursor.fetchall()}
        changed: list[tuple[int, UserLists, UserLists]] = []
        created: list[tuple[int, UserLists]] = []
        for user_id in user_ids:
            old = known.get(user_id, EMPTY_LISTS)
            new = changes[user_id](old)
            if new == old:
                continue
            if user_id in known:
                changed.append((user_id, new, old))
            else:
                created.append((user_id, new))
        if changed:
            cursor.execute(UPDATE, columns((user_id, *texts(new, old)) for user_id, new, old in changed))
        if not created:
            return []
        cursor.execute(INSERT, columns((user_id, *texts(new)) for user_id, new in created))
        done = {user_id for (user_id,) in cursor.fetchall()}
        return [user_id for user_id, _ in created if user_id not in done]

    @_unavailable
    def write(self, rows: Iterable[tuple[int, UserLists]]) -> int:
        written = 0
        waiting = iter(rows)
        # the last of several rows for a user wins, because a statement cannot write a row twice
        while batch := dict(itertools.islice(waiting, WRITE_BATCH)):
            with connection.cursor() as cursor:
                cursor.execute(WRITE, columns((user_id, *texts(lists)) for user_id, lists in batch.items()))
            written += len(batch)
        return written

    @_unavailable
    def delete(self, user_ids: Collection[int]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM recommendations_userlists WHERE user_id = ANY (%s::bigint[])", [list(user_ids)]
            )

    @_unavailable
    def scan(self, after: int, limit: int) -> list[tuple[int, UserLists]]:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {COLUMNS} FROM recommendations_userlists WHERE user_id > %s"
                " ORDER BY user_id LIMIT %s",
                [after, limit],
            )
            return [(row[0], lists_of(row)) for row in cursor.fetchall()]

    @_unavailable
    def ids(self, after: int, limit: int) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT user_id FROM recommendations_userlists WHERE user_id > %s ORDER BY user_id LIMIT %s",
                [after, limit],
            )
            return [user_id for (user_id,) in cursor.fetchall()]

    @_unavailable
    def ids_before(self, before: int, limit: int) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT user_id FROM recommendations_userlists WHERE user_id < %s"
                " ORDER BY user_id DESC LIMIT %s",
                [before, limit],
            )
            return [user_id for (user_id,) in cursor.fetchall()]

    @_unavailable
    def sample(self, limit: int) -> list[UserLists]:
        """Draws pages of the table, so users whose rows were written together are drawn together.

        It aims below the limit, because a cut would leave out the last pages, which have the lists changed last.
        """
        users = self.count()
        percent = 100 if users <= limit else 90 * limit / users
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT recommended, recommended_at, recommended_by FROM recommendations_userlists"
                " TABLESAMPLE SYSTEM (%s) LIMIT %s",
                [percent, limit],
            )
            # Row by row would be slow, and all at once would hold the interpreter, which serves reads meanwhile.
            return [
                UserLists(recommended=tuple(movies), recommended_at=at, recommended_by=by or BUS)
                for rows in iter(partial(cursor.fetchmany, SAMPLE_BATCH), [])
                for movies, at, by in rows
            ]

    @_unavailable
    def count(self) -> int:
        """Exact, by an index-only scan; a slow count is cached for COUNT_CACHE_SECONDS."""
        if self._counted and time.monotonic() < self._counted[0]:
            return self._counted[1]
        start = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM recommendations_userlists")
            (number,) = cursor.fetchone()
        end = time.monotonic()
        self._counted = (end + COUNT_CACHE_SECONDS, number) if end - start > SLOW_COUNT_SECONDS else None
        return number
