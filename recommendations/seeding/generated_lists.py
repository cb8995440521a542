"""Generates lists for users: movies of each user's taste, popular ones more often. Deterministic for a seed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommendations.lists import MAX_LIST_LENGTH

BLOCK = 5_000  # users generated at a time
TASTES = 3  # genres a user likes
MAX_WATCHING = 8  # movies begun by a user
CHOSEN = MAX_LIST_LENGTH + MAX_WATCHING
SHARE_WATCHING = 0.4  # of users have something half watched
STEEP = 2.5  # how strongly popular movies of a genre are preferred: rank = size x (0..1)^STEEP
OLDEST_LIST_MINUTES = 7 * 24 * 60
OLDEST_WATCHED_MINUTES = 30 * 24 * 60

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pool:
    """The movies of one kind, most popular first; no movie is in two pools."""

    ids: Ints


@dataclass(frozen=True, slots=True)
class Block:
    """The lists of users `first`, `first` + 1, ...: each row of each array is one user."""

    first: int
    recommended: Ints
    recommended_minutes: Ints  # how long ago the list was made
    watching: Ints
    begun: Ints  # how many of the row of `watching` are used
    hundredths: Ints  # progress in `watching`
    watched_minutes: Ints  # how long ago, most recent first

    def __len__(self) -> int:
        return len(self.recommended)


def pools(ids: Ints, views: Ints, profiles: NDArray[np.int16]) -> list[Pool]:
    """A pool for each genre with enough movies that it is the strongest of; one for all movies if there is none."""
    strongest = profiles.argmax(axis=1)
    popularity = views * profiles.max(axis=1)
    by_genre = []
    for genre in range(profiles.shape[1]):
        mine = np.flatnonzero(strongest == genre)
        if len(mine) >= CHOSEN:
            by_genre.append(Pool(ids[mine[np.lexsort((ids[mine], -popularity[mine]))]]))
    return by_genre or [Pool(ids[np.lexsort((ids, -views))])]


def blocks(*, seed: int, first: int, last: int, pools: list[Pool]) -> Iterator[Block]:
    """The users from `first` to `last`. A user's lists name no movie twice."""
    for number in range((first - 1) // BLOCK, (last - 1) // BLOCK + 1):
        start = number * BLOCK + 1
        block = _block(np.random.default_rng((seed, number)), start, pools)
        yield _cut(block, max(first, start) - start, min(last, start + BLOCK - 1) - start + 1)


def _block(draw: np.random.Generator, start: int, pools: list[Pool]) -> Block:
    size = np.array([len(pool.ids) for pool in pools])
    chosen = min(CHOSEN, int(size.min()))
    tastes = draw.integers(0, len(pools), (BLOCK, TASTES))
    kind = np.take_along_axis(tastes, draw.integers(0, TASTES, (BLOCK, chosen)), axis=1)
    # Each place of a row draws from its own stripe (every 28th movie), so that no movie is drawn twice.
    stripe = draw.permuted(np.tile(np.arange(chosen), (BLOCK, 1)), axis=1)
    ranks = (draw.random((BLOCK, chosen)) ** STEEP * (size[kind] // chosen)).astype(np.int64)
    offset = np.concatenate(([0], np.cumsum(size)[:-1]))
    movies = np.concatenate([pool.ids for pool in pools])[offset[kind] + ranks * chosen + stripe]
    listed = min(MAX_LIST_LENGTH, chosen)
    slots = chosen - listed
    watching = draw.random(BLOCK) < SHARE_WATCHING
    return Block(
        first=start,
        recommended=movies[:, :listed],
        recommended_minutes=draw.integers(1, OLDEST_LIST_MINUTES, BLOCK),
        watching=movies[:, listed:],
        begun=np.where(watching, draw.integers(1, slots + 1, BLOCK), 0)
        if slots
        else np.zeros(BLOCK, np.int64),
        hundredths=draw.integers(2, 97, (BLOCK, slots)),
        watched_minutes=np.sort(draw.integers(1, OLDEST_WATCHED_MINUTES, (BLOCK, slots)), axis=1),
    )


def _cut(block: Block, start: int, end: int) -> Block:
    return Block(
        first=block.first + start,
        recommended=block.recommended[start:end],
        recommended_minutes=block.recommended_minutes[start:end],
        watching=block.watching[start:end],
        begun=block.begun[start:end],
        hundredths=block.hundredths[start:end],
        watched_minutes=block.watched_minutes[start:end],
    )
