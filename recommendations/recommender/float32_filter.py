"""Which movies are worth an exact score: a product in float32 leaves some dozens of 300,000.

Nothing is lost, because the filter allows for its own rounding. A float32 score differs from the exact one by less
than `margin`: both factors of its 16 products are rounded, each product is, and at most 16 roundings follow in
whatever order BLAS adds. That makes 19 roundings of 2^-24 of the sum of |user| x |movie|. If some `wanted` movies
reach a score of `reached` in float32, their float64 scores reach `reached - margin`. So do those of the `wanted` best
of all, whose float32 scores then reach `reached - 2 x margin`, and that is the bar.

A chunk is left out if its largest numbers together do not reach any user's bar. Where few movies have most of the
views, that is true of nearly all chunks: 18,400 users/s instead of 4,300 (`python -m benchmarks recommend`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

CHUNK = 4_000  # movies in one product: the float32 scores of 64 users, 1 MB, stay in the cache of a core
LARGEST = 1e9  # of any number in a matrix or a row: no score leaves the range of float32
ROUNDING = 24 * 2.0**-24  # 19 as above; the others cover float64's own rounding, and that of the margin
UNDERFLOW = 2.0**-90  # 16 products lose less to numbers that float32 cannot hold, none exceeding LARGEST
MAX_SURVIVORS = 4_000  # of one user; with more, as where all scores are equal, scoring all movies is as fast
ROOM = 160  # pairs a user that the first chunks may add before the bar is raised

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Survivors:
    """Pairs of a user and a movie that pass; movies that score at least `complete` for a user are all among them.

    It is infinite for a user of whom nothing is known: one with too few movies in the first chunk, or with more than
    MAX_SURVIVORS.
    """

    users: Integers
    movies: Integers
    complete: Floats  # one a user


class Float32Filter:
    """A filter for one matrix, given as 16 columns of movies, those first that score high for many users."""

    def __init__(self, columns: Floats) -> None:
        self._largest = np.abs(columns).max(axis=1, initial=0.0)
        _check_range(self._largest)
        self._columns = columns.astype(np.float32)
        starts = np.arange(0, columns.shape[1], CHUNK)
        self._highest = np.maximum.reduceat(columns, starts, axis=1)  # of each column, in each chunk
        self._lowest = np.minimum.reduceat(columns, starts, axis=1)

    def survivors(self, rows: Floats, excluded: Sequence[Integers], *, wanted: int) -> Survivors:
        """Of each user's movies without those excluded, at least the `wanted` best."""
        _check_range(rows)
        margin = ROUNDING * (np.abs(rows) @ self._largest) + UNDERFLOW
        # the most that a movie of each chunk can score
        within_reach = np.maximum(rows, 0) @ self._highest + np.minimum(rows, 0) @ self._lowest
        within_reach += margin[:, np.newaxis]
        factors = rows.astype(np.float32)
        product = np.empty((len(rows), CHUNK), dtype=np.float32)
        count = self._columns.shape[1]
        hidden = _by_chunk(excluded, count)
        users = movies = np.empty(0, dtype=np.int64)
        scores = np.empty(0, dtype=np.float32)
        room = ROOM * len(rows)
        complete, bar = _bars(np.full(len(rows), -np.inf, dtype=np.float32), margin)
        for start in range(0, count, CHUNK):
            if start and not (within_reach[:, start // CHUNK] >= bar).any():
                continue
            columns = self._columns[:, start : start + CHUNK]
            chunk = np.matmul(factors, columns, out=product[:, : columns.shape[1]])
            chunk[hidden[start // CHUNK]] = -np.inf
            if start == 0:
                complete, bar = _bars(_best_of_chunk(chunk, wanted), margin)
            reaching = np.flatnonzero(chunk.max(axis=1) >= bar)  # few, after the first chunk
            owners, places = np.nonzero(chunk[reaching] >= bar[reaching, np.newaxis])
            owners = reaching[owners]
            users = np.concatenate([users, owners])
            movies = np.concatenate([movies, places + start])
            scores = np.concatenate([scores, chunk[owners, places]])
            if len(users) > room:
                complete, bar = _bars(_best_of_pairs(users, scores, len(rows), wanted), margin)
                kept = scores >= bar[users]
                users, movies, scores = users[kept], movies[kept], scores[kept]
                room = ROOM * len(rows) + 2 * len(users)
        return Survivors(users, movies, complete)


def _check_range(numbers: Floats) -> None:
    if not np.abs(numbers).max(initial=0.0) <= LARGEST:  # also true of NaN
        raise ValueError(f"The numbers of a matrix or a row are finite, and at most {LARGEST:g}.")


def _by_chunk(excluded: Sequence[Integers], count: int) -> list[tuple[Integers, Integers]]:
    """For each chunk the users and the columns of the pairs that are excluded."""
    users = np.repeat(np.arange(len(excluded)), [len(one) for one in excluded])
    movies = np.concatenate(excluded)
    order = np.argsort(movies)
    users, movies = users[order], movies[order]
    edges = np.searchsorted(movies, np.arange(0, count + CHUNK, CHUNK))
    return [(users[first:end], movies[first:end] % CHUNK) for first, end in pairwise(edges)]


def _bars(reached: NDArray[np.float32], margin: Floats) -> tuple[Floats, NDArray[np.float32]]:
    """`complete` and the bar of each user; no movie passes for a user for whom nothing was reached."""
    complete = np.where(np.isfinite(reached), reached - margin, np.inf)
    return complete, np.nextafter((complete - margin).astype(np.float32), np.float32(-np.inf))


def _best_of_chunk(scores: NDArray[np.float32], wanted: int) -> NDArray[np.float32]:
    """What `wanted` movies of each user reach; -inf where there are fewer."""
    if scores.shape[1] < wanted:
        return np.full(len(scores), -np.inf, dtype=np.float32)
    return np.partition(scores, -wanted, axis=1)[:, -wanted]


def _best_of_pairs(
    users: Integers, scores: NDArray[np.float32], count: int, wanted: int
) -> NDArray[np.float32]:
    """What `wanted` movies of each user reach; -inf where there are fewer, or more than MAX_SURVIVORS."""
    best_first = scores[np.lexsort((-scores, users))]
    numbers = np.bincount(users, minlength=count)
    usable = (numbers >= wanted) & (numbers <= MAX_SURVIVORS)
    reached = np.full(count, -np.inf, dtype=np.float32)
    reached[usable] = best_first[(np.cumsum(numbers) - numbers + wanted - 1)[usable]]
    return reached
