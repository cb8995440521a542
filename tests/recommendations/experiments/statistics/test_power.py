"""Power against tea-tasting, and against what simulated experiments of the planned size show."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recommendations.experiments.statistics.lifts import lift, width_factor
from recommendations.experiments.statistics.power import days_left, smallest_effect, users_per_arm, variation
from recommendations.experiments.statistics.sums import Sums


def test_variation_is_that_of_the_users_and_of_what_is_not_foreseen():
    draw = np.random.default_rng(1)
    x = draw.poisson(5, 500).astype(float)
    y = x + draw.poisson(2, 500)
    sums, line = Sums.of(y, x), stats.linregress(x, y)
    left = y - line.slope * x
    assert variation(sums) == pytest.approx(stats.variation(y, ddof=1), rel=1e-12)
    assert variation(sums, adjusted=True) == pytest.approx(np.std(left, ddof=1) / y.mean(), rel=1e-9)


def test_variation_is_unknown_where_nobody_differs():
    assert variation(Sums.of([])) is None
    assert variation(Sums.of([1])) is None
    assert variation(Sums.of([2, 2, 2])) is None
    assert variation(Sums.of([0, 0, 0]), adjusted=True) is None


@given(st.floats(0.1, 10), st.floats(0.001, 5))
def test_so_many_users_show_the_lift_and_one_less_does_not(spread: float, effect: float):
    users = users_per_arm(spread, effect)
    shown = smallest_effect(spread, users, users, planned=2 * users)
    assert shown is not None
    assert shown <= effect * (1 + 1e-9)
    if users > 1:
        fewer = smallest_effect(spread, users - 1, users - 1, planned=2 * users)
        assert fewer is None or fewer >= effect * (1 - 1e-9)


@pytest.mark.parametrize(("planted", "power"), [(0.1, 0.8), (0.2, 0.5)])
def test_experiments_of_the_planned_size_show_the_lift_as_often_as_planned(planted: float, power: float):
    mean, shape, runs = 2.0, 1.0, 600
    users = users_per_arm(math.sqrt(1 / mean + 1 / shape), planted, power=power)
    draw = np.random.default_rng(14)
    shown = 0
    for _ in range(runs):
        arms = [
            Sums.of(draw.poisson(draw.gamma(shape, mean * ratio / shape, users)))
            for ratio in (1.0, 1 + planted)
        ]
        shown += bool(lift(*arms, planned=2 * users).low > 0)
    assert stats.binomtest(shown, runs, power).pvalue >= 0.001


def test_a_sequence_takes_less_than_twice_the_users_of_one_look():
    one_look = (stats.norm.isf(0.025) + stats.norm.isf(0.2)) ** 2
    sequence = (float(width_factor(1, 1)) + stats.norm.isf(0.2)) ** 2
    assert sequence / one_look == pytest.approx(1.91, abs=0.01)


def test_nothing_is_visible_without_users_in_both_arms():
    assert smallest_effect(1.5, 0, 1000, planned=2000) is None
    assert smallest_effect(1.5, 1000, 0, planned=2000) is None
    assert smallest_effect(100.0, 2, 2, planned=2000) is None


def test_days_are_those_until_the_last_has_matured():
    assert days_left(1001, 100.0, 7) == 18
    assert days_left(0, 0.0, 7) == 0
    assert days_left(-5, 100.0, 7) == 0
    assert days_left(10, 0.0, 7) is None
