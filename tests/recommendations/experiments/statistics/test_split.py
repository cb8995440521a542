"""The split check against scipy: Pearson's test, and the e-value as a quotient of two of its distributions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recommendations.experiments.statistics.split import PRIOR_USERS, chi_square_tail, split_check

ARMS = st.lists(st.tuples(st.integers(0, 100_000), st.floats(0.1, 10)), min_size=2, max_size=5)


@given(ARMS)
def test_both_figures_are_those_of_scipy(arms: list[tuple[int, float]]):
    observed, weights = np.array(arms).T
    users, shares = observed.sum(), weights / weights.sum()
    seen = split_check([int(count) for count in observed], list(weights))
    if not users:
        assert seen == (1.0, 1.0, True)
        return
    assert seen.p == pytest.approx(stats.chisquare(observed, users * shares).pvalue, rel=1e-9, abs=1e-290)
    counts = observed.astype(int)
    log_e = stats.dirichlet_multinomial.logpmf(counts, PRIOR_USERS * shares, counts.sum())
    log_e -= stats.multinomial.logpmf(counts, counts.sum(), shares)
    assert math.log(seen.e) == pytest.approx(min(log_e, 700.0), rel=1e-9, abs=1e-6)
    assert seen.ok == (seen.p >= 0.001 and seen.e < 1000)


@given(st.floats(0, 1400), st.integers(1, 10))
def test_the_tail_is_that_of_scipy(distance: float, degrees: int):
    assert chi_square_tail(distance, degrees) == pytest.approx(
        stats.chi2.sf(distance, degrees), rel=1e-9, abs=1e-300
    )


def test_a_fair_split_is_ok_and_a_lost_twentieth_of_one_arm_is_not():
    assert split_check([10_050, 9_950], [1, 1]).ok
    assert not split_check([10_000, 9_500], [1, 1]).ok
    assert split_check([6_000, 4_000], [60, 40]).ok
    assert not split_check([6_000, 4_000], [50, 50]).ok


def test_either_figure_alone_withholds():
    by_p = split_check([10_180, 9_700], [1, 1])
    assert (by_p.p < 0.001, by_p.e < 1000, by_p.ok) == (True, True, False)
    # an arm without anybody says more than chi-square sees
    by_e = split_check([72, 581, 0], [0.1181, 0.8913, 0.0206])
    assert (by_e.p < 0.001, by_e.e < 1000, by_e.ok) == (False, False, False)


def test_the_e_value_of_a_healthy_experiment_stays_small_at_every_look():
    """Ville's inequality: at most one healthy experiment in 100 ever reaches 100, at whatever look."""
    draw = np.random.default_rng(14)
    reached = 0
    for _ in range(400):
        in_second = draw.binomial(200, 0.4, size=60).cumsum()
        looks = zip(range(200, 12_001, 200), in_second, strict=True)
        reached += any(
            split_check([users - int(second), int(second)], [60, 40]).e >= 100 for users, second in looks
        )
    assert reached <= 4


def test_the_e_value_is_a_fair_bet():
    """Its expectation over all outcomes of a healthy experiment is 1, which makes it evidence."""
    shares = [0.3, 0.7]
    expected = sum(
        stats.binom.pmf(first, 500, 0.3) * split_check([first, 500 - first], shares).e for first in range(501)
    )
    assert expected == pytest.approx(1.0, rel=1e-9)
