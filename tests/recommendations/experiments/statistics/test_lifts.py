"""Lifts against tea-tasting where the formula is the same, the confidence sequence against scipy, odd cases."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, special, stats
from tea_tasting.aggr import Aggregates
from tea_tasting.metrics.mean import Mean, RatioOfMeans

from recommendations.experiments.statistics.lifts import (
    ALPHA,
    Estimate,
    adjusted_lift,
    lift,
    ratio_lift,
    welch,
    width_factor,
)
from recommendations.experiments.statistics.sums import RatioSums, Sums

Values = NDArray[np.float64]
EXACT = 1e-9
METRIC: dict[str, Any] = {
    "use_t": False,
    "equal_var": False,
    "alternative": "two-sided",
    "confidence_level": 1 - ALPHA,
}
NORMAL = stats.norm.isf(ALPHA / 2)
seeds = st.integers(0, 2**32)
sizes = st.integers(2, 400)

pytestmark = pytest.mark.filterwarnings("error")


def users(seed: int, size: int, rate: float) -> tuple[Values, Values]:
    """y and x of random users, with at least one finish among them, and not all alike."""
    draw = np.random.default_rng(seed)
    activity = draw.gamma(0.7, rate, size)
    y, x = draw.poisson(activity).astype(float), draw.poisson(2 * activity).astype(float)
    y[0], x[0] = y[1] + 1, x[1] + 1
    return y, x


def aggregates(y: Values, x: Values) -> Aggregates:
    return Aggregates(
        len(y),
        {"y": y.mean(), "x": x.mean()},
        {"y": np.var(y, ddof=1), "x": np.var(x, ddof=1)},
        {("x", "y"): np.cov(x, y)[0, 1]},
    )


def assert_equal(seen: Estimate, expected: Any, factor: float) -> None:
    """`expected` is of one look; the interval that was seen is `factor` standard errors wide."""
    wider = factor / NORMAL
    ratio, high = 1 + expected.rel_effect_size, 1 + expected.rel_effect_size_ci_upper
    spread = math.exp(math.log(high / ratio) * wider)
    assert 1 + seen.value == pytest.approx(ratio, rel=EXACT)
    assert 1 + seen.low == pytest.approx(ratio / spread, rel=EXACT)
    assert 1 + seen.high == pytest.approx(ratio * spread, rel=EXACT)


@given(seeds, sizes, sizes)
def test_the_interval_of_one_look_is_that_of_tea_tasting(seed: int, n: int, m: int):
    control, arm = users(seed, n, 2), users(seed + 1, m, 2.5)
    expected = Mean("y", **METRIC).analyze_aggregates(aggregates(*control), aggregates(*arm))
    assert_equal(welch(Sums.of(*control), Sums.of(*arm)), expected, NORMAL)


@given(seeds, sizes, sizes, st.integers(2, 1000))
def test_a_lift_and_its_error_are_those_of_tea_tasting(seed: int, n: int, m: int, planned: int):
    control, arm = users(seed, n, 2), users(seed + 1, m, 2.5)
    expected = Mean("y", **METRIC).analyze_aggregates(aggregates(*control), aggregates(*arm))
    assert_equal(
        lift(Sums.of(*control), Sums.of(*arm), planned=planned), expected, normal_mixture(n + m, planned)
    )


@given(seeds, st.integers(50, 400), st.integers(50, 400))
def test_an_adjusted_lift_and_its_error_are_those_of_tea_tasting(seed: int, n: int, m: int):
    control, arm = users(seed, n, 2), users(seed + 1, m, 2.5)
    expected = Mean("y", "x", **METRIC).analyze_aggregates(aggregates(*control), aggregates(*arm))
    seen = adjusted_lift(Sums.of(*control), Sums.of(*arm), planned=400)
    assert_equal(seen, expected, normal_mixture(n + m, 400))


@given(seeds, st.integers(50, 400), st.integers(50, 400))
def test_the_lift_of_a_ratio_and_its_error_are_those_of_tea_tasting(seed: int, n: int, m: int):
    control, arm = users(seed, n, 2), users(seed + 1, m, 2.5)
    expected = RatioOfMeans("y", "x", **METRIC).analyze_aggregates(aggregates(*control), aggregates(*arm))
    seen = ratio_lift(RatioSums.of(*control), RatioSums.of(*arm), planned=400)
    assert_equal(seen, expected, normal_mixture(n + m, 400))


def normal_mixture(n: float, planned: float) -> float:
    """Theorem 2.2 of Waudby-Smith et al. as printed, with the rho that Lambert's W gives for `planned`."""
    rho2 = (-special.lambertw(-(ALPHA**2) / math.e, -1).real - 1) / planned
    half = math.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * math.log(math.sqrt(n * rho2 + 1) / ALPHA))
    return half * math.sqrt(n)


@given(st.integers(2, 10**9), st.integers(2, 10**9))
def test_the_width_is_that_of_the_theorem(n: int, planned: int):
    assert float(width_factor(n, planned)) == pytest.approx(normal_mixture(n, planned), rel=EXACT)


def test_the_interval_is_narrowest_for_the_planned_users():
    """For a given number of users no other number to plan leads to a narrower interval."""
    best = optimize.minimize_scalar(
        lambda planned: float(width_factor(5000, planned)), bounds=(100, 1e6), method="bounded"
    )
    assert best.x == pytest.approx(5000, rel=1e-3)
    assert float(width_factor(5000, 5000)) / NORMAL == pytest.approx(1.548, abs=0.001)


def test_many_looks_are_computed_together():
    control, arm = users(1, 300, 2), users(2, 300, 2)
    looks = [100, 200, 300]
    for estimate in (lift, adjusted_lift):
        single = [
            estimate(Sums.of(*(v[:n] for v in control)), Sums.of(*(v[:n] for v in arm)), planned=600)
            for n in looks
        ]
        together = estimate(at_looks(control, looks), at_looks(arm, looks), planned=600)
        for name in ("value", "low", "high"):
            np.testing.assert_allclose(
                getattr(together, name), [getattr(one, name) for one in single], rtol=1e-12
            )


def at_looks(arm: tuple[Values, Values], looks: list[int]) -> Sums:
    sums = [Sums.of(*(values[:n] for values in arm)) for n in looks]
    names = ("n", "total", "squares", "before", "before_squares", "cross")
    return Sums(*(np.array([getattr(one, name) for one in sums]) for name in names))


SOME = Sums.of([0, 1, 2, 3], [1, 0, 2, 2])
NONE = Sums.of([0, 0, 0, 0], [1, 0, 2, 2])
ALIKE = Sums.of([2, 2, 2], [1, 0, 2])
ONE = Sums.of([1], [1])
NOBODY = Sums.of([], [])


def of_one_look(control: Sums, arm: Sums, *, planned: float) -> Estimate:
    return welch(control, arm)


@pytest.mark.parametrize("estimate", [lift, adjusted_lift, of_one_look])
@pytest.mark.parametrize(
    ("control", "arm", "value"),
    [
        (NOBODY, NOBODY, None),
        (NOBODY, SOME, None),
        (NONE, SOME, None),
        (NONE, NONE, None),
        (ONE, SOME, 0.5),
        (SOME, ONE, -1 / 3),
        (SOME, NONE, -1.0),
        (ALIKE, ALIKE, 0.0),
        (SOME, NOBODY, None),
    ],
)
def test_what_is_not_known_has_no_interval(
    estimate: Callable[..., Estimate], control: Sums, arm: Sums, value: float | None
):
    seen = estimate(control, arm, planned=100)
    assert (seen.known, seen.low, seen.high) == (False, -math.inf, math.inf)
    if estimate is lift:
        assert seen.value == pytest.approx(math.nan if value is None else value, nan_ok=True)


def test_an_interval_beyond_all_bounds_is_unknown():
    assert not lift(SOME, SOME, planned=1e12).known


def test_an_arm_whose_users_are_alike_is_compared_by_the_other_arms_deviation():
    assert lift(SOME, ALIKE, planned=100).known


def test_a_ratio_without_denominators_or_deviation_has_no_interval():
    some, empty = RatioSums.of([1, 0, 2], [2, 1, 3]), RatioSums.of([0, 0, 0], [0, 0, 0])
    for control, arm in ((empty, some), (some, empty), (empty, empty)):
        assert not ratio_lift(control, arm, planned=100).known


def test_the_same_ratio_of_every_user_has_no_deviation():
    """The sixth is no float, so rounding leaves a variance of 1e-11 beside one of 40,000."""
    num = np.array([798, 684, 722, 342, 874, 494])
    sixths = RatioSums.of(num, 6 * num)
    assert not ratio_lift(sixths, sixths, planned=100).known
    assert ratio_lift(RatioSums.of([1, 0, 2], [2, 1, 3]), sixths, planned=100).known


def test_an_outcome_that_is_known_from_before_has_no_deviation_left():
    x = np.array([0, 7, 6, 5, 0])
    foreseen = Sums.of(3 * x + 2, x)  # rounding leaves 3e-14
    assert not adjusted_lift(foreseen, foreseen, planned=100).known


def test_numbers_lead_to_plain_floats():
    for number in (
        lift(SOME, SOME, planned=100).value,
        welch(SOME, SOME).low,
        lift(SOME, NONE, planned=9).high,
    ):
        assert type(number) is float
    assert lift(SOME, SOME, planned=100).known is True
