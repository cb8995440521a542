"""Variances from sums are as exact as the sums are, also where the mean is far larger than the deviation."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommendations.experiments.statistics.sums import RatioSums, Sums

COUNTS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=2, max_size=50)


@given(COUNTS)
def test_moments_are_those_of_numpy(users: list[tuple[int, int]]):
    y, x = np.array(users).T
    sums = Sums.of(y, x)
    assert (sums.mean, sums.mean_before) == (
        pytest.approx(y.mean(), rel=1e-12),
        pytest.approx(x.mean(), rel=1e-12),
    )
    assert sums.variance == pytest.approx(np.var(y, ddof=1), rel=1e-12, abs=1e-15)
    assert sums.variance_before == pytest.approx(np.var(x, ddof=1), rel=1e-12, abs=1e-15)
    assert sums.covariance == pytest.approx(np.cov(x, y)[0, 1], rel=1e-12, abs=1e-12)


@given(st.lists(st.integers(0, 3), min_size=20, max_size=30), st.integers(5_000_000, 10_000_000))
def test_nothing_is_lost_beside_a_large_mean(offsets: list[int], mean: int):
    values = [mean + offset for offset in offsets]
    n, total, squares = len(values), sum(values), sum(value**2 for value in values)
    exact = Fraction(n * squares - total**2, n * (n - 1))
    assert float(Sums(n, total, squares).variance) == pytest.approx(float(exact), rel=1e-12, abs=0)


@given(COUNTS, COUNTS)
def test_the_sums_of_two_arms_are_those_of_all_their_users(
    one: list[tuple[int, int]], two: list[tuple[int, int]]
):
    (y, x), (v, u) = np.array(one).T, np.array(two).T
    assert Sums.of(y, x) + Sums.of(v, u) == Sums.of(np.append(y, v), np.append(x, u))


def test_sums_of_many_looks_are_computed_together():
    looks = Sums(np.array([0, 1, 3]), np.array([0, 2, 6]), np.array([0, 4, 14]))
    np.testing.assert_array_equal(looks.mean, [np.nan, 2, 2])
    np.testing.assert_array_equal(looks.variance, [np.nan, np.nan, 1])


def test_a_ratio_is_of_sums_and_unknown_without_a_denominator():
    assert RatioSums.of([1, 0, 2], [2, 4, 6]) == RatioSums(3, 3, 5, 12, 56, 14)
    assert RatioSums.of([1, 0, 2], [2, 4, 6]).ratio == 0.25
    assert np.isnan(RatioSums.of([0], [0]).ratio)
