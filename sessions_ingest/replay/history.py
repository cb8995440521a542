"""The views on record, walked through in their order: at each finish, what was known before it. No Django."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movies.profiles import TOTAL
from recommendations.recommender.catalog import UNIT_BITS
from recommendations.recommender.taste import KEPT_FINISHES
from recommendations.user_lists import FIXED_FINISHES
from sessions_ingest.replay.moments import ListMaker, Moments, Taste
from sessions_ingest.replay.selection import NOBODY, Floats, Positions

HIDDEN = -2  # the position of a movie that is on no list

# Takes the users and times of measured finishes, in their order, and each strategy's lists just before them.
TakesLists = Callable[[Sequence[int], Sequence[int], Mapping[str, Positions]], None]


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
    """What was known about a user before a finish."""

    movies: "array[int]"  # finished, in order: positions among all movies
    seen: "array[int]"  # positions of the visible ones among visible movies


@dataclass(frozen=True, slots=True)
class Places:
    """For each measured finish its user, and by strategy its place in the list, from 1; 0: it was not on it."""

    user_ids: NDArray[np.int64]
    places: dict[str, NDArray[np.int64]]
    coverage: dict[str, float]  # movies that were on any list / visible movies


def leave_lists(user_ids: Sequence[int], times: Sequence[int], lists: Mapping[str, Positions]) -> None:
    """Logs no list."""


def measure(
    history: History,
    taste: Taste,
    *,
    start: float = float("-inf"),
    end: float = float("inf"),
    progress: Callable[[int], None] = lambda done: None,
    log: TakesLists = leave_lists,
) -> Places:
    """Where each finish stood in each strategy's list just before it; the finishes of `start` <= time < `end`.

    Times are microseconds since 1970. `progress` is called with the number of views walked through, `log` with the
    lists.
    """
    maker = ListMaker(history.ids[history.visible], history.profiles[history.visible], taste)
    visible = int(history.visible.sum())
    user_ids: list[int] = []
    places: defaultdict[str, list[NDArray[np.int64]]] = defaultdict(list)
    listed: defaultdict[str, NDArray[np.bool_]] = defaultdict(lambda: np.zeros(visible, bool))
    for done, users, movies, times, moments in _blocks(history, maker, start, end):
        user_ids += users
        made = maker.lists(moments)
        log(users, times, made)
        for name, lists in made.items():
            found = lists == np.array(movies)[:, np.newaxis]
            places[name].append(np.where(found.any(axis=1), found.argmax(axis=1) + 1, 0))
            listed[name][lists[lists != NOBODY]] = True
        progress(done)
    progress(len(history))
    return Places(
        np.array(user_ids, np.int64),
        {name: np.concatenate(found) for name, found in places.items()},
        {name: float(movies.sum()) / max(1, visible) for name, movies in listed.items()},
    )


def _blocks(
    history: History, maker: ListMaker, start: float, end: float
) -> Iterator[tuple[int, list[int], list[int], list[int], Moments]]:
    """Blocks of measured finishes: views walked through, users, movies (HIDDEN if so), times, moments."""
    position_of = np.where(history.visible, np.cumsum(history.visible) - 1, HIDDEN).tolist()
    shares = history.profiles / TOTAL
    recent = RecentViews(maker.groups)
    past: dict[int, _User] = {}
    users, movies, times, moments = list[int](), list[int](), list[int](), Moments()
    columns = (history.user_ids.tolist(), history.movies.tolist(), history.times.tolist(), history.weights)
    for done, (user_id, movie, at, weight) in enumerate(zip(*columns, strict=True)):
        if at >= end:
            break
        user = past.setdefault(user_id, _User(array("q"), array("q")))
        position = position_of[movie]
        if len(user.movies) >= FIXED_FINISHES and at >= start:
            users.append(user_id)
            movies.append(position)
            times.append(at)
            preferences = history.given.get(user_id)
            moments.views.append(recent.as_of_now.copy())
            moments.orders.append(recent.order.copy())
            moments.first.append(shares[np.array(user.movies[:FIXED_FINISHES])])
            moments.last.append(shares[np.array(user.movies[-KEPT_FINISHES:])])
            moments.finishes.append(len(user.movies))
            moments.given.append(preferences[0] if preferences and preferences[1] <= at else None)
            moments.seen.append(np.array(user.seen))
            if len(moments) == maker.block:
                yield done, users, movies, times, moments
                users, movies, times, moments = [], [], [], Moments()
        user.movies.append(movie)
        if position != HIDDEN:
            user.seen.append(position)
            recent.add(position, weight)
    if users:
        yield len(history), users, movies, times, moments


class RecentViews:
    """The recent views of each visible movie, as the recommender's snapshot has them at this moment."""

    def __init__(self, groups: NDArray[np.int32]) -> None:
        self.as_of_now = np.zeros(len(groups))
        self._groups = groups
        self.order = self._ordered()  # positions by group, then most views, then lower id
        self._spans = {
            group: np.searchsorted(groups[self.order], [group, group + 1]) for group in set(groups.tolist())
        }
        self._sums = [0] * len(groups)
        self._most = 1

    def add(self, position: int, weight: int) -> None:
        """Counts a view."""
        self._sums[position] += weight
        if self._sums[position] > self._most:
            self._most = self._sums[position]
            self.as_of_now[:] = [(number << UNIT_BITS) // self._most for number in self._sums]
            self.order = self._ordered()
        else:
            self.as_of_now[position] = (self._sums[position] << UNIT_BITS) // self._most
            self._move_up(position)

    def _ordered(self) -> NDArray[np.int64]:
        return np.lexsort((-self.as_of_now, self._groups))

    def _move_up(self, position: int) -> None:
        """The movie has more views than before: it passes others of its group."""
        first, end = self._spans[int(self._groups[position])]
        group = self.order[first:end]
        ahead = group[: int(np.flatnonzero(group == position)[0])]
        views = self.as_of_now[ahead]
        mine = self.as_of_now[position]
        behind = (views < mine) | ((views == mine) & (ahead > position))
        if behind.any():
            group[: len(ahead) + 1] = np.concatenate([ahead[~behind], [position], ahead[behind]])
