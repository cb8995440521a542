"""A taste is a distribution whatever it is made of, and the same bits as on plain Python floats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recommendations.recommender.taste import KEPT_FINISHES, fixed, modelled
from recommendations.user_lists import FIXED_FINISHES
from tests.recommendations.recommender.inventories import profiles

Plain = list[float]

watched = st.lists(profiles().map(lambda weights: [weight / 100 for weight in weights]), max_size=60)
distributions = st.one_of(
    profiles().map(lambda weights: [weight / 100 for weight in weights]),
    st.lists(st.floats(1e-9, 1), min_size=15, max_size=15).map(
        lambda some: [one / sum(some) for one in some]
    ),
)
alphas = st.floats(0, 1, exclude_min=True)
shrinkages = st.one_of(st.just(0.0), st.floats(0, 1e12))


def rows(watched: list[Plain]) -> NDArray:
    return np.array(watched, dtype=np.float64).reshape(-1, 15)


def array(numbers: Plain | None) -> NDArray | None:
    return None if numbers is None else np.array(numbers)


def shrunk(average: Plain, count: int, population: Plain, shrinkage: float) -> Plain:
    return [
        (count * mine + shrinkage * theirs) / (count + shrinkage)
        for mine, theirs in zip(average, population, strict=True)
    ]


def plain_modelled(
    watched: list[Plain], given: Plain | None, population: Plain, alpha: float, shrinkage: float
) -> Plain:
    counted = ([given] * FIXED_FINISHES if given else []) + watched[-KEPT_FINISHES:]
    if not counted:
        return population
    weights = [1.0]
    while len(weights) < len(counted):
        weights.insert(0, weights[0] * (1 - alpha))
    total, sums = 0.0, [0.0] * 15
    for weight, profile in zip(weights, counted, strict=True):
        total += weight
        sums = [so_far + weight * share for so_far, share in zip(sums, profile, strict=True)]
    return shrunk([one / total for one in sums], len(counted), population, shrinkage)


def plain_fixed(
    watched: list[Plain], given: Plain | None, population: Plain, shrinkage: float
) -> Plain | None:
    count = min(len(watched), KEPT_FINISHES)
    if given:
        return shrunk(given, count + FIXED_FINISHES, population, shrinkage)
    if count < FIXED_FINISHES:
        return None
    sums = [0.0] * 15
    for profile in watched[:FIXED_FINISHES]:
        sums = [so_far + share for so_far, share in zip(sums, profile, strict=True)]
    return shrunk([one / FIXED_FINISHES for one in sums], count, population, shrinkage)


@given(watched, st.none() | distributions, distributions, alphas, shrinkages)
def test_a_modelled_taste_is_a_distribution_with_the_bits_of_plain_floats(
    watched: list[Plain], preferences: Plain | None, population: Plain, alpha: float, shrinkage: float
):
    taste = modelled(
        rows(watched),
        given=array(preferences),
        population=np.array(population),
        alpha=alpha,
        shrinkage=shrinkage,
    )
    assert taste.tolist() == plain_modelled(watched, preferences, population, alpha, shrinkage)
    assert taste.min() >= 0
    assert taste.sum() == pytest.approx(1, abs=1e-9)


@given(watched, st.none() | distributions, distributions, shrinkages)
def test_a_fixed_taste_is_a_distribution_with_the_bits_of_plain_floats(
    watched: list[Plain], preferences: Plain | None, population: Plain, shrinkage: float
):
    taste = fixed(
        rows(watched[:FIXED_FINISHES]),
        given=array(preferences),
        population=np.array(population),
        shrinkage=shrinkage,
        finishes=len(watched),
    )
    assert (None if taste is None else taste.tolist()) == plain_fixed(
        watched, preferences, population, shrinkage
    )
    if taste is not None:
        assert taste.min() >= 0
        assert taste.sum() == pytest.approx(1, abs=1e-9)


@given(watched, alphas, shrinkages, distributions)
def test_only_the_last_finishes_count(
    watched: list[Plain], alpha: float, shrinkage: float, population: Plain
):
    def taste(finishes: list[Plain]) -> Plain:
        return modelled(
            rows(finishes), given=None, population=np.array(population), alpha=alpha, shrinkage=shrinkage
        ).tolist()

    older = [[1.0] + [0.0] * 14] * 10
    last = (watched + watched + [[0.0] * 14 + [1.0]] * KEPT_FINISHES)[:KEPT_FINISHES]
    assert taste(older + last) == taste(last)


def test_a_user_without_finishes_or_preferences_has_the_population_s_taste():
    population = np.arange(15) / 105
    taste = modelled(np.empty((0, 15)), given=None, population=population, alpha=0.1, shrinkage=0)
    assert taste.tolist() == population.tolist()


def test_newer_finishes_count_more():
    action, western = np.eye(15)[0], np.eye(15)[14]
    taste = modelled(
        np.array([action, western]), given=None, population=np.full(15, 1 / 15), alpha=0.5, shrinkage=0
    )
    assert taste.tolist() == [1 / 3, *[0.0] * 13, 2 / 3]


def test_given_preferences_fade_as_finishes_come():
    preferences, action = np.eye(15)[3], np.eye(15)[0]
    shares = [
        modelled(
            np.array([action] * count).reshape(-1, 15),
            given=preferences,
            population=np.full(15, 1 / 15),
            alpha=0.1,
            shrinkage=0,
        )[3]
        for count in (0, 1, 10, 50)
    ]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.01
