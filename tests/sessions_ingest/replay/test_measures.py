"""Rates and intervals: by hand, against a bootstrap over users, and where there is nothing to say."""

import math

import numpy as np
import pytest

from sessions_ingest.replay.history import Places
from sessions_ingest.replay.measures import STRATEGIES, Interval, discounted, evaluation, mean_over_users


def test_ndcg_of_a_place() -> None:
    assert discounted(np.array([0, 1, 3, 20])).tolist() == [0, 1, 0.5, 1 / math.log2(21)]


def test_the_interval_of_a_mean_over_users_by_hand() -> None:
    # users with 1 of 1 and 1 of 3 hits: mean 1/2, residuals 1/2 and -1/2
    interval = mean_over_users(np.array([1.0, 1, 0, 0]), np.array([0, 1, 1, 1]))
    error = math.sqrt(2 / 1 * (0.25 + 0.25)) / 4
    assert interval.value == 0.5
    assert interval.low == pytest.approx(0.5 - 1.959964 * error)
    assert interval.high == pytest.approx(0.5 + 1.959964 * error)


def test_the_interval_is_as_wide_as_that_of_a_bootstrap_over_users() -> None:
    draw = np.random.default_rng(1)
    sizes = draw.integers(1, 60, 300)
    users = np.repeat(np.arange(300), sizes)
    hits = (draw.random(len(users)) < draw.beta(1, 8, 300)[users]).astype(np.float64)
    interval = mean_over_users(hits, users)
    per_user = np.bincount(users, hits)
    chosen = draw.integers(0, 300, (4000, 300))
    means = per_user[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    assert (interval.high - interval.low) / (high - low) == pytest.approx(1, abs=0.08)
    naive = 2 * 1.96 * math.sqrt(interval.value * (1 - interval.value) / len(users))
    assert interval.high - interval.low > 1.5 * naive  # the finishes of a user are not independent


def test_one_user_says_nothing_about_others() -> None:
    assert mean_over_users(np.array([1.0, 0.0]), np.array([0, 0])) == Interval(0.5, -math.inf, math.inf)
    assert mean_over_users(np.zeros(0), np.zeros(0, np.int64)) == Interval(0.0, -math.inf, math.inf)


def test_an_evaluation_has_all_strategies_and_both_differences() -> None:
    places = {name: np.array([0, 0, 0, 0]) for name in STRATEGIES}
    places |= {"mixture": np.array([1, 0, 2, 20]), "popular": np.array([1, 0, 0, 0])}
    result = evaluation(Places(np.array([7, 7, 8, 9]), places, dict.fromkeys(STRATEGIES, 0.5)))
    assert (result.finishes, result.users) == (4, 3)
    assert [(name, one.hit_rate.value) for name, one in result.strategies.items()] == [
        ("mixture", 0.75),
        ("mixture_fixed", 0),
        ("euclid", 0),
        ("euclid_fixed", 0),
        ("popular", 0.25),
        ("random", 0),
    ]
    assert result.strategies["mixture"].ndcg.value == (1 + 1 / math.log2(3) + 1 / math.log2(21)) / 4
    assert {pair: one.value for pair, one in result.differences.items()} == {
        ("mixture", "popular"): 0.5,
        ("popular", "euclid"): 0.25,
    }
    assert all(0 <= one.hit_rate.low <= one.hit_rate.high <= 1 for one in result.strategies.values())


def test_nothing_to_measure_is_no_error() -> None:
    result = evaluation(Places(np.zeros(0, np.int64), {}, {}))
    assert (result.finishes, result.users) == (0, 0)
    assert {(one.hit_rate, one.coverage) for one in result.strategies.values()} == {(Interval(0, 0, 1), 0)}
