"""Users that are dealt again: who counts at which look, and how seldom a difference is seen where there is none."""

from dataclasses import replace
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.bench_experiment import METHODS, PLANTED, simulate
from recommendations.experiments.assignment import arms_of
from recommendations.experiments.plan import Arm, Plan
from recommendations.experiments.statistics import alarms
from recommendations.experiments.statistics.alarms import false_alarms, misses, sums_by_look
from recommendations.experiments.statistics.lifts import Estimate, welch
from recommendations.experiments.statistics.sums import Sums

PLAN = Plan("any", users_per_arm=1500)
LOOKS = np.arange(5.0, 35.0)
SEEDS = [f"seed {number}" for number in range(300)]


class Users(NamedTuple):
    ids: NDArray[np.int64]
    exposed_day: NDArray[np.float64]
    y: NDArray[np.float64]
    before: NDArray[np.float64]


def some_users(count: int) -> Users:
    """Users who were exposed within 30 days, most of them early."""
    draw = np.random.default_rng(14)
    activity = draw.gamma(0.7, 3.0, count)
    y, before = draw.poisson(activity).astype(float), draw.poisson(2 * activity).astype(float)
    return Users(np.arange(10**12, 10**12 + count), draw.exponential(8.0, count), y, before)


def of_one_look(control: Sums, arm: Sums, *, planned: float) -> Estimate:
    return welch(control, arm, alpha=0.3)


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, window_days=2),
        replace(PLAN, share=60.0),
        replace(PLAN, assignment="parity"),
        replace(PLAN, arms=(*PLAN.arms, Arm("popular", "popular", "fixed", 0.5))),
    ],
)
def test_each_look_is_what_would_have_been_shown_on_that_day(plan: Plan):
    """Compared with the users of each day, one look at a time, and narrow intervals, which raise many alarms."""
    users, seeds = some_users(1000), SEEDS[:40]
    shown = np.array([[alarm_on(day, seed, users, plan) for day in LOOKS] for seed in seeds])
    with patch.object(alarms, "lift", of_one_look):
        found = false_alarms(*users, plan=plan, looks=LOOKS, seeds=seeds)
    assert found.per_look.tolist() == shown.sum(axis=0).tolist()
    assert (found.runs, found.alarms) == (40, shown.any(axis=1).sum())
    assert found.alarms > 5


def alarm_on(day: float, seed: str, users: Users, plan: Plan) -> bool:
    places = arms_of(replace(plan, seed=seed, assignment="hash"), users.ids)
    matured = users.exposed_day + plan.window_days <= day
    control, arm = (users.y[matured & (places == place)] for place in (0, 1))
    if day < 7 or min(len(control), len(arm)) < 100:
        return False
    estimate = of_one_look(Sums.of(control), Sums.of(arm), planned=2 * plan.users_per_arm)
    return bool(estimate.low > 0 or estimate.high < 0)


def test_the_sums_of_a_look_are_those_of_its_users():
    draw = np.random.default_rng(1)
    places, matured = draw.integers(-1, 3, 500), draw.integers(0, 6, 500)
    y, before = draw.poisson(3.0, (2, 500)).astype(float)
    for place, sums in enumerate(sums_by_look(places, matured, 5, y, before)):
        for look in range(5):
            of = (places == place) & (matured <= look)
            seen = Sums(*(getattr(sums, name)[look] for name in Sums.__slots__))
            assert seen == Sums.of(y[of], before[of])


def test_only_an_interval_that_is_shown_can_miss_the_truth():
    users = Sums(np.array([99, 100, 100, 100, 100]), 0, 0)
    estimate = Estimate(
        np.zeros(5), np.array([0.2, 0.2, 0.1, -0.3, -0.3]), np.array([0.3, 0.3, 0.3, 0.1, 0.0])
    )
    days = np.array([6.9, 6.9, 7, 8, 9])
    assert misses(estimate, users, users, days).tolist() == [False, False, True, False, False]
    assert misses(estimate, users, users, days, 0.1).tolist() == [False, False, False, False, True]
    assert misses(estimate, users, Sums(99, 0, 0), days).tolist() == [False] * 5


@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("planted", [0.0, 0.5])
def test_the_truth_is_missed_in_at_most_5_percent_of_runs(adjusted: bool, planted: float):
    found = false_alarms(
        *some_users(3000), plan=PLAN, looks=LOOKS, seeds=SEEDS, adjusted=adjusted, planted=planted
    )
    assert found.runs == 300
    assert found.alarms <= 15


def test_simulated_experiments_keep_their_promise_where_daily_looks_at_one_look_intervals_break_it():
    """The benchmark at a smaller size: `python -m benchmarks experiment` has 10,000 runs."""
    seen = simulate(150, users=4000)
    for method in METHODS:
        for truth in (0.0, PLANTED):
            if method == "Welch":
                assert seen.share_missed(method, truth) > 10
            else:
                assert seen.share_missed(method, truth) <= 5
