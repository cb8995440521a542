"""Seeds the store with generated lists: by COPY into PostgreSQL, in batches into other stores."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from movies.inventory.seeding import COPY_CHUNK_BYTES, ChunkReader
from movies.viewing.popularity import visible
from recommendations import stores
from recommendations.seeding.binary_copy import COLUMNS, HEADER, TRAILER, rows
from recommendations.seeding.generated_lists import Block, Pool, blocks, pools
from recommendations.stores.base import ListStore
from recommendations.stores.postgres import PostgresStore
from recommendations.user_lists import GENERATED, Entry, UserLists

Progress = Callable[[int], None]
COPY = f"COPY recommendations_userlists ({COLUMNS}) FROM STDIN (FORMAT binary)"
SCAN_BATCH = 2_000  # users


class NoMovies(Exception):
    """There are no movies to recommend."""


def top_up(*, users: int, seed: int, progress: Progress = lambda done: None) -> int:
    """Gives lists to those of the users 1 to `users` that have none. Returns how many were added.

    Calls `progress` with the number of further users done, existing ones included. Raises NoMovies.
    """
    made = blocks(seed=seed, first=1, last=users, pools=movie_pools())
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    store = stores.current()
    if isinstance(store, PostgresStore):
        return copy_into_postgres(made, users, now, progress)
    return _write(store, made, users, now, progress)


def movie_pools() -> list[Pool]:
    """The visible movies by kind. Raises NoMovies."""
    ids, views, profiles = visible()
    if not len(ids):
        raise NoMovies
    return pools(ids, views, profiles)


def copy_into_postgres(made: Iterator[Block], users: int, now: datetime, progress: Progress) -> int:
    """Copies the blocks' users, of 1 to `users`, that have no lists. Returns how many."""
    added = 0

    def chunks(there: NDArray[np.int64]) -> Iterator[bytes]:
        nonlocal added
        yield HEADER
        for block in made:
            wanted = np.ones(len(block), bool)
            start, end = np.searchsorted(there, [block.first, block.first + len(block)])
            wanted[there[start:end] - block.first] = False
            if wanted.any():  # an empty chunk would end the data
                yield rows(block, now, wanted)
                added += int(wanted.sum())
            progress(len(block))
        yield TRAILER

    with transaction.atomic(), connection.cursor() as cursor:
        # Blocks inserts between this query and the COPY, which would fail on a duplicate key.
        cursor.execute("LOCK TABLE recommendations_userlists IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(
            "SELECT user_id FROM recommendations_userlists WHERE user_id BETWEEN 1 AND %s ORDER BY user_id",
            [users],
        )
        there = np.array([user_id for (user_id,) in cursor.fetchall()], np.int64)
        if len(there) < users:
            cursor.copy_expert(COPY, ChunkReader(chunks(there)), COPY_CHUNK_BYTES)
    if added and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            # Counts are index-only scans then. Other columns need no statistics: no query filters by them.
            cursor.execute("VACUUM (ANALYZE) recommendations_userlists (user_id)")
    return added


def _write(store: ListStore, made: Iterator[Block], users: int, now: datetime, progress: Progress) -> int:
    added = 0
    for block in made:
        there: set[int] = set()
        after = block.first - 1
        while part := store.scan(after, SCAN_BATCH):
            there.update(user_id for user_id, _ in part)
            after = part[-1][0]
            if after >= block.first + len(block):
                break
        added += store.write(
            (user_id, lists) for user_id, lists in user_lists(block, now) if user_id not in there
        )
        progress(len(block))
    return added


def user_lists(block: Block, now: datetime) -> Iterator[tuple[int, UserLists]]:
    """The block's users as `ListStore.write` takes them: the same rows as in COPY."""
    users = zip(
        block.recommended.tolist(),
        block.recommended_minutes.tolist(),
        block.watching.tolist(),
        block.begun.tolist(),
        block.hundredths.tolist(),
        block.watched_minutes.tolist(),
        strict=True,
    )
    for user_id, (movies, made, watching, begun, hundredths, minutes) in enumerate(users, block.first):
        entries = zip(watching[:begun], hundredths[:begun], minutes[:begun], strict=True)
        yield (
            user_id,
            UserLists(
                recommended=tuple(movies),
                recommended_at=now - timedelta(minutes=made),
                watching=tuple(
                    Entry(movie, share / 100, now - timedelta(minutes=ago)) for movie, share, ago in entries
                ),
                recommended_by=GENERATED,
            ),
        )
