"""The simulated users of an experiment, drawn from a seed: how often they look, what they like, what sets them apart.

No Django. A day is 24 hours, counted from the start of the experiment; days before it are below 0.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movies.genres import GENRES
from movies.profiles import TOTAL

FIRST_ID = 10**12  # far above the users of a real service
IDS_OF_A_NAME = 1_000_000
SLOTS = 900_000  # of ids, one for each name: all are below 2 x 10^12. The first one is left free
MAX_USERS = 100_000

WARM_UP_DAYS = 14  # before the start: what users finish then is what CUPED adjusts by
THERE_BEFORE = 0.7  # of the users, since all of these days; the others come while the experiment runs
DAYS_OF_USE = 14  # on average, from the start or the first day on: a user counts for a window of 7
LOOKS_SHAPE, LOOKS_SCALE = (
    2.0,
    0.22,
)  # of the gamma distribution of looks a day, which differ from user to user
LEAST_LOOKS, MOST_LOOKS = 0.05, 0.95
GIVEN_SHARE = 0.9  # of the users gave their preferences; the others must finish 5 movies first
RATING_SHARE = 0.05  # of the users rate movies, from some day on
BUS_SHARE = 0.06  # of the users get a list from the bus, once
NEVER = np.iinfo(np.int64).max
TASTES = 3  # genres that a user likes

Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Population:
    """Parallel arrays, one entry for each user."""

    seed: int
    ids: NDArray[np.int64]
    tastes: NDArray[np.int64]  # a row of TASTES genres
    looks_a_day: NDArray[np.float64]
    first_day: Days
    last_day: Days
    given: NDArray[np.bool_]  # whether the user gave preferences
    rates_from: Days  # the first day on which the user rates movies, or NEVER
    bus_on: Days  # the day on which a list of the bus arrives, or NEVER

    def __len__(self) -> int:
        return len(self.ids)

    def looking(self, day: int) -> NDArray[np.int64]:
        """The places of those who look at their list on the day. A user always looks on the first day."""
        drawn = np.random.default_rng((self.seed, 1, day + WARM_UP_DAYS)).random(len(self))
        there = (self.first_day <= day) & (day <= self.last_day)
        return np.flatnonzero(there & ((drawn < self.looks_a_day) | (day == self.first_day)))

    def preferences(self, place: int) -> tuple[int, ...]:
        """The weights of the preferences that the user gives: the genres of the taste."""
        weights = [0] * len(GENRES)
        for genre, weight in zip(self.tastes[place].tolist(), (50, 30, TOTAL - 80), strict=True):
            weights[genre] += weight
        return tuple(weights)


def first_id(name: str) -> int:
    """The first id of the users of the experiment of this name; IDS_OF_A_NAME ids are theirs."""
    return FIRST_ID + (1 + zlib.crc32(name.encode()) % (SLOTS - 1)) * IDS_OF_A_NAME


def drawn(*, seed: int, first: int, users: int, days: int) -> Population:
    """`users` users with the ids from `first` on, for an experiment of `days` days."""
    draw = np.random.default_rng((seed, 0))
    before = draw.random(users) < THERE_BEFORE
    first_day = np.where(before, -WARM_UP_DAYS, draw.integers(0, days, users))
    looks = draw.gamma(LOOKS_SHAPE, LOOKS_SCALE, users).clip(LEAST_LOOKS, MOST_LOOKS)
    rates = draw.random(users) < RATING_SHARE
    rates_from = first_day.clip(0) + draw.integers(-2, 8, users)
    bus = draw.random(users) < BUS_SHARE
    bus_on = first_day.clip(0) + draw.integers(0, 10, users)
    return Population(
        seed=seed,
        ids=np.arange(first, first + users, dtype=np.int64),
        tastes=np.argsort(draw.random((users, len(GENRES))), axis=1)[:, :TASTES],
        looks_a_day=looks,
        first_day=first_day,
        last_day=first_day.clip(0) + draw.geometric(1 / DAYS_OF_USE, users),
        given=draw.random(users) < GIVEN_SHARE,
        rates_from=np.where(rates, rates_from, NEVER),
        bus_on=np.where(bus, bus_on, NEVER),
    )
