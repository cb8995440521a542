"""The views on record, walked through in their order: at each finish, what was known before it. No Django."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sessions_ingest.replay.moments import Floats, ListMaker, Lists, Moments, Taste

FIRST_FINISHES = 5  # of a user, which are not measured: too little is known before them
UNIT_BITS = (
    40  # recent views count in units of 2^-40 of the most viewed movie's, as in the recommender's snapshot
)


@dataclass(frozen=True, slots=True)
class History:
    """All movies, and the views on record in the order of (time, movie, user)."""

    ids: NDArray[np.int64]  # of all movies, ascending
    profiles: NDArray[np.uint8]  # a row of 15 weights each
    visible: NDArray[np.bool_]
    user_ids: NDArray[np.int64]  # of each view
    movies: NDArray[np.int64]  # of each view: the position in `ids`
    times: NDArray[np.int64]  # of each view: microseconds since 1970 that order it
    weights: list[int]  # of each view: what it adds to its movie's recent views
    given: Mapping[int, tuple[Floats, int]]  # preferences by user, and when they were given (microseconds)

    def __len__(self) -> int:
        return len(self.times)


@dataclass(slots=True)
class _User:
    """What was known about a user before a finish: profiles in order, and positions among visible movies."""

    movies: list[int]
    seen: list[int]


@dataclass(frozen=True, slots=True)
class Places:
    """For each measured finish its user, and by strategy its place in the list, from 1; 0: it was not on it."""

    user_ids: NDArray[np.int64]
    places: dict[str, NDArray[np.int64]]
    coverage: dict[str, float]  # movies that were on any list / visible movies


def measure(
    history: History,
    taste: Taste,
    *,
    start: float = float("-inf"),
    end: float = float("inf"),
    progress: Callable[[int], None] = lambda done: None,
) -> Places:
    """Where each finish stood in each strategy's list just before it; the finishes of `start` <= time < `end`.

    Times are microseconds since 1970. `progress` is called with the number of views walked through.
    """
    user_ids: list[int] = []
    places: defaultdict[str, list[int]] = defaultdict(list)
    listed: defaultdict[str, set[int]] = defaultdict(set)
    for user_id, position, lists in _lists(history, taste, start, end, progress):
        user_ids.append(user_id)
        for name, movies in lists.items():
            places[name].append(movies.index(position) + 1 if position in movies else 0)
            listed[name].update(movies)
    visible = max(1, int(history.visible.sum()))
    return Places(
        np.array(user_ids, np.int64),
        {name: np.array(found, np.int64) for name, found in places.items()},
        {name: len(movies) / visible for name, movies in listed.items()},
    )


def _lists(
    history: History, taste: Taste, start: float, end: float, progress: Callable[[int], None]
) -> Iterator[tuple[int, int, Lists]]:
    """User, position of the movie (-1: hidden) and lists of each measured finish."""
    maker = ListMaker(history.ids[history.visible], history.profiles[history.visible], taste)
    moments, finishes = Moments(), list[tuple[int, int]]()
    for done, user_id, position in _walk(history, moments, start, end):
        finishes.append((user_id, position))
        if len(moments) == maker.block:
            yield from _made(maker, moments, finishes)
            moments.clear()
            finishes.clear()
            progress(done)
    if finishes:
        yield from _made(maker, moments, finishes)
    progress(len(history))


def _made(
    maker: ListMaker, moments: Moments, finishes: list[tuple[int, int]]
) -> Iterator[tuple[int, int, Lists]]:
    for (user_id, position), lists in zip(finishes, maker.lists(moments), strict=True):
        yield user_id, position, lists


def _walk(history: History, moments: Moments, start: float, end: float) -> Iterator[tuple[int, int, int]]:
    """Adds the moment before each measured finish; yields the number of the view, its user and its movie."""
    position_of = np.where(history.visible, np.cumsum(history.visible) - 1, -1).tolist()
    shares = history.profiles / 100.0
    recent = RecentViews(int(history.visible.sum()))
    users: dict[int, _User] = {}
    columns = (history.user_ids.tolist(), history.movies.tolist(), history.times.tolist(), history.weights)
    for done, (user_id, movie, at, weight) in enumerate(zip(*columns, strict=True), start=1):
        user = users.setdefault(user_id, _User([], []))
        position = position_of[movie]
        if at >= end:
            return
        if len(user.movies) >= FIRST_FINISHES and at >= start:
            preferences = history.given.get(user_id)
            moments.views.append(recent.as_of_now.copy())
            moments.pasts.append(shares[user.movies])
            moments.given.append(preferences[0] if preferences and preferences[1] <= at else None)
            moments.seen.append(np.array(user.seen, np.int64))
            yield done, user_id, position
        user.movies.append(movie)
        if position >= 0:
            user.seen.append(position)
            recent.add(position, weight)


class RecentViews:
    """The recent views of each visible movie, as the recommender's snapshot has them at this moment."""

    def __init__(self, movies: int) -> None:
        self.as_of_now = np.zeros(movies)
        self._sums = [0] * movies
        self._most = 1

    def add(self, position: int, weight: int) -> None:
        """Counts a view."""
        self._sums[position] += weight
        if self._sums[position] <= self._most:
            self.as_of_now[position] = (self._sums[position] << UNIT_BITS) // self._most
        else:
            self._most = self._sums[position]
            self.as_of_now[:] = [(number << UNIT_BITS) // self._most for number in self._sums]
