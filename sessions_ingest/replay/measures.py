"""Hit rates of the strategies, their differences, and 95% intervals. No Django.

The finishes of a user are alike, so the independent observations are users. A rate is a ratio of two sums over users,
hits and finishes, and its variance is that of the delta method.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sessions_ingest.replay.history import Places

CONFIDENCE = 0.95
STRATEGIES = ("mixture", "mixture_fixed", "euclid", "euclid_fixed", "popular", "random")
COMPARED = (("mixture", "popular"), ("popular", "euclid"))


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, and the bounds that hold it at 95%."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one strategy."""

    hit_rate: Interval
    ndcg: Interval
    coverage: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of all strategies, the paired differences of hit rates, and of how much they are."""

    strategies: dict[str, Measured]
    differences: dict[tuple[str, str], Interval]
    finishes: int
    users: int


def evaluation(places: Places) -> Evaluation:
    """The figures. Without any finish they are 0, and say nothing."""
    _, users = np.unique(places.user_ids, return_inverse=True)
    found = {name: places.places.get(name, np.zeros(0, np.int64)) for name in STRATEGIES}
    hits = {name: (place > 0).astype(np.float64) for name, place in found.items()}
    strategies = {
        name: Measured(
            _bounded(mean_over_users(hits[name], users)),
            _bounded(mean_over_users(discounted(place), users)),
            places.coverage.get(name, 0.0),
        )
        for name, place in found.items()
    }
    differences = {
        (better, worse): mean_over_users(hits[better] - hits[worse], users) for better, worse in COMPARED
    }
    return Evaluation(strategies, differences, len(users), int(users.max(initial=-1)) + 1)


def discounted(places: NDArray[np.int64]) -> NDArray[np.float64]:
    """NDCG of each list: 1 / log2(1 + place), because one movie is relevant; 0 where it is not on the list."""
    return np.where(places > 0, 1 / np.log2(1 + np.maximum(places, 1)), 0.0)


def mean_over_users(values: NDArray[np.float64], users: NDArray[np.int64]) -> Interval:
    """The mean of the values, with an interval for users drawn at random, each with all of their values.

    With fewer than two users the interval is everything, because one user says nothing about others.
    """
    sizes = np.bincount(users).astype(np.float64)
    number = len(sizes)
    if not number:
        return Interval(0.0, -math.inf, math.inf)
    mean = float(values.sum() / sizes.sum())
    if number < 2:
        return Interval(mean, -math.inf, math.inf)
    residuals = np.bincount(users, values) - mean * sizes
    error = math.sqrt(number / (number - 1) * float((residuals**2).sum())) / float(sizes.sum())
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error
    return Interval(mean, mean - reach, mean + reach)


def _bounded(interval: Interval) -> Interval:
    """A rate lies in 0..1."""
    return Interval(interval.value, max(0.0, interval.low), min(1.0, interval.high))
