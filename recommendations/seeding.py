"""Fills the store with generated lists: by COPY where users are kept in PostgreSQL, in batches elsewhere."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction

from movies.seeding import copy
from recommendations import stores
from recommendations.generated import OLDEST_WATCHED_MINUTES, Block, Pool, blocks, pools
from recommendations.lists import Entry, UserLists
from recommendations.stores.base import ListStore
from recommendations.stores.postgres import PostgresStore

Progress = Callable[[int], None]
TABLE = (
    "recommendations_userlists"
    " (user_id, recommended, recommended_at, watching, progress, watched_at, removed, finished)"
)
SCANNED_AT_ONCE = 2_000


class NoMovies(Exception):
    """There is nothing to recommend."""


def top_up(*, users: int, seed: int, progress: Progress = lambda done: None) -> int:
    """Each of the users 1 to `users` has lists; those that had none get the seed's. Returns how many.

    `progress` is told how many users are done, those that were there included. Raises NoMovies.
    """
    made = blocks(seed=seed, first=1, last=users, pools=movie_pools())
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    store = stores.current()
    if isinstance(store, PostgresStore):
        return _copy(made, users, now, progress)
    return _write(store, made, users, now, progress)


def movie_pools() -> list[Pool]:
    """The visible movies by kind. Raises NoMovies."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, coalesce(views, 0), profile FROM movies_movie"
            " LEFT JOIN movies_viewcount ON movie_id = id WHERE NOT hidden ORDER BY id"
        )
        rows = cursor.fetchall()
    if not rows:
        raise NoMovies
    ids, views, profiles = zip(*rows, strict=True)
    return pools(np.array(ids, np.int64), np.array(views, np.int64), np.array(profiles, np.int16))


def _copy(made: Iterator[Block], users: int, now: datetime, progress: Progress) -> int:
    added = 0

    def chunks() -> Iterator[bytes]:
        nonlocal added
        for block in made:
            rows = list(copy_rows(block, now, there))
            added += len(rows)
            if rows:  # nothing would be the end of the data
                yield "".join(rows).encode()
            progress(len(block))

    with transaction.atomic(), connection.cursor() as cursor:
        # Nobody gets a first row between this look and the COPY, which would fail on it.
        cursor.execute("LOCK TABLE recommendations_userlists IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(
            "SELECT user_id FROM recommendations_userlists WHERE user_id BETWEEN 1 AND %s", [users]
        )
        there = {user_id for (user_id,) in cursor.fetchall()}
        if len(there) < users:
            copy(cursor, TABLE, chunks())
    if added and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) recommendations_userlists")  # counting reads the index alone
    return added


def copy_rows(block: Block, now: datetime, there: Any = ()) -> Iterator[str]:
    """The block's users, but for those `there`, as COPY's text rows."""
    times = _times(now)
    user_id = block.first - 1
    for movies, made, watching, begun, hundredths, minutes in _rows(block):
        user_id += 1
        if user_id in there:
            continue
        head = f"{user_id}\t{{{','.join(map(str, movies))}}}\t{times[made]}\t"
        if not begun:
            yield f"{head}{{}}\t{{}}\t{{}}\t[]\t[]\n"
            continue
        ids = ",".join(map(str, watching[:begun]))
        shares = ",".join([SHARES[share] for share in hundredths[:begun]])
        at = '","'.join([times[ago] for ago in minutes[:begun]])
        yield f'{head}{{{ids}}}\t{{{shares}}}\t{{"{at}"}}\t[]\t[]\n'


def _write(store: ListStore, made: Iterator[Block], users: int, now: datetime, progress: Progress) -> int:
    added = 0
    for block in made:
        there: set[int] = set()
        after = block.first - 1
        while part := store.scan(after, SCANNED_AT_ONCE):
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
    """The block's users as any store takes them: the same that `copy_rows` writes."""
    for user_id, (movies, made, watching, begun, hundredths, minutes) in enumerate(_rows(block), block.first):
        entries = zip(watching[:begun], hundredths[:begun], minutes[:begun], strict=True)
        yield (
            user_id,
            UserLists(
                recommended=tuple(movies),
                recommended_at=now - timedelta(minutes=made),
                watching=tuple(
                    Entry(movie, share / 100, now - timedelta(minutes=ago)) for movie, share, ago in entries
                ),
            ),
        )


def _rows(block: Block) -> Iterator[tuple[list[int], int, list[int], int, list[int], list[int]]]:
    return zip(
        block.recommended.tolist(),
        block.recommended_minutes.tolist(),
        block.watching.tolist(),
        block.begun.tolist(),
        block.hundredths.tolist(),
        block.watched_minutes.tolist(),
        strict=True,
    )


SHARES = [str(hundredths / 100) for hundredths in range(101)]
_texts: dict[datetime, list[str]] = {}


def _times(now: datetime) -> list[str]:
    """Each minute up to the oldest, as text: spelling a time out costs more than all the rest of a row."""
    if now not in _texts:
        _texts.clear()
        _texts[now] = [
            (now - timedelta(minutes=minutes)).isoformat(" ") for minutes in range(OLDEST_WATCHED_MINUTES)
        ]
    return _texts[now]
