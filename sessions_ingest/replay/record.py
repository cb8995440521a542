"""What the service has on record of the finishes of a file: which can be counted, and which are."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from django.db import connection

from movies.outbox import bus
from movies.viewing.partitions import kept_since
from movies.viewing.view_counting import existing
from sessions_ingest.replay.movielens import Finishes

BATCH = 50_000  # finishes compared with the views by one statement
POLL_SECONDS = 0.3
WAIT_SECONDS = 120.0  # without any message consumed


@dataclass(frozen=True, slots=True)
class Countable:
    """The finishes that the service counts, and how many of the others there are."""

    finishes: Finishes
    of_unknown_movies: int
    too_old: int


def countable(finishes: Finishes) -> Countable:
    """Leaves out finishes of movies that the inventory does not have, and those from before the kept months."""
    since = kept_since()
    kept = finishes.between(since.timestamp() if since else 0, float("inf"))
    known = kept.where(np.isin(kept.movie_ids, list(existing(np.unique(kept.movie_ids).tolist()))))
    return Countable(known, len(kept) - len(known), len(finishes) - len(kept))


def counted(finishes: Finishes) -> int:
    """How many of the finishes are views."""
    found = 0
    for start in range(0, len(finishes), BATCH):
        part = finishes[start : start + BATCH]
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT count(*) FROM movies_view AS view JOIN (
                    SELECT user_id, movie_id, to_timestamp(at) AS at
                    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS played (user_id, movie_id, at)
                ) AS played
                ON view.user_id = played.user_id AND view.movie_id = played.movie_id
                    AND view.watched_at = played.at
                """,
                [part.user_ids.tolist(), part.movie_ids.tolist(), part.times.tolist()],
            )
            found += cursor.fetchone()[0]
    return found


def wait_until_counted(
    queue: bus.Queue, finishes: Finishes, *, stopped: Callable[[float], bool], progress: Callable[[int], None]
) -> int:
    """Waits until the queue is empty and the finishes are views; returns how many are.

    Ends as well when `stopped`, which waits so many seconds, says so, and when nothing was consumed for WAIT_SECONDS.
    `progress` is called with the number of messages left.
    """
    lowest, since = bus.depth(queue.url), time.monotonic()
    while True:
        depth = bus.depth(queue.url)
        progress(depth)
        if depth == 0 and (found := counted(finishes)) == len(finishes):
            return found
        if depth < lowest:
            lowest, since = depth, time.monotonic()
        if time.monotonic() - since > WAIT_SECONDS or stopped(POLL_SECONDS):
            return counted(finishes)
