"""What each strategy's numbers mean, on any views."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommendations.recommender import taste
from recommendations.recommender.catalog import Catalog
from recommendations.recommender.engine import Engine
from recommendations.recommender.strategies import STRATEGIES, WIDTH
from tests.recommendations.recommender import brute_force
from tests.recommendations.recommender.inventories import catalogs, profiles

exponents = st.sampled_from((0.0, 0.3, 1.0, 2.0))
some_movies = catalogs(smallest=1)
histories = st.lists(profiles(), max_size=12).map(lambda some: np.array(some).reshape(-1, 15) / 100)


def modelled(history, population):
    return taste.modelled(history, given=None, population=population, alpha=0.1, shrinkage=20)


@pytest.mark.parametrize("name", STRATEGIES)
@given(some_movies, exponents, histories)
def test_lists_are_right_for_any_views(name: str, catalog: Catalog, exponent: float, history):
    strategy, population = STRATEGIES[name], catalog.population(exponent)
    matrix = strategy.matrix(catalog, exponent)
    row = strategy.row(modelled(history, population), population)
    assert np.isfinite(matrix).all()
    [listed] = Engine(catalog, matrix).top(row[np.newaxis], [np.array([0])])
    assert listed.tolist() == brute_force.top(catalog, matrix, row, [0], 20, 3)


@given(some_movies, exponents)
def test_mixture_without_history_is_the_order_by_views(catalog: Catalog, exponent: float):
    mixture, population = STRATEGIES["mixture"], catalog.population(exponent)
    row = mixture.row(modelled(np.empty((0, 15)), population), population)
    [listed] = Engine(catalog, mixture.matrix(catalog, exponent)).top(
        row[np.newaxis], [np.array([], dtype=np.int64)], k=len(catalog), per_profile=len(catalog)
    )
    assert listed.tolist() == np.lexsort((catalog.ids, -catalog.views)).tolist()


@given(some_movies, histories)
def test_the_population_s_taste_scores_like_popularity(catalog: Catalog, history):
    """The row of a user without history is no other rule: it only leaves the rounding out."""
    population = catalog.population(1.0)
    matrix = STRATEGIES["mixture"].matrix(catalog, 1.0)
    for position in range(len(catalog)):
        assert brute_force.score(np.append(population, 0.0), matrix[position]) == pytest.approx(
            matrix[position, 15], rel=1e-9, abs=1e-290
        )


@pytest.mark.parametrize("name", ["mixture", "popular"])
@given(some_movies, exponents, histories)
def test_the_terms_of_a_score_sum_to_it(name: str, catalog: Catalog, exponent: float, history):
    strategy, population = STRATEGIES[name], catalog.population(exponent)
    matrix = strategy.matrix(catalog, exponent)
    row = strategy.row(modelled(history, population), population)
    for movie, weights in zip(matrix, catalog.profiles, strict=True):
        terms = strategy.terms(row, movie, weights)
        assert terms.shape == (15,)
        assert terms.sum() == pytest.approx(brute_force.score(row, movie), rel=1e-12, abs=1e-300)
        assert not terms[weights == 0].any()


@given(some_movies, histories)
def test_euclid_prefers_the_nearest(catalog: Catalog, history):
    euclid, population = STRATEGIES["euclid"], catalog.population(1.0)
    user = modelled(history, population)
    row, matrix = euclid.row(user, population), euclid.matrix(catalog, 1.0)
    for movie, weights in zip(matrix, catalog.profiles, strict=True):
        distance = np.square(user - weights / 100).sum()
        assert brute_force.score(row, movie) == pytest.approx(np.square(user).sum() - distance, abs=1e-12)
        assert euclid.terms(row, movie, weights).sum() <= 1 + 1e-9


def test_mixture_by_hand():
    """Movie 1 has 3/4 of the views of action and no other; movie 2 has the rest of it, and all of drama."""
    profiles = np.zeros((2, 15), dtype=np.uint8)
    profiles[0, 0] = 100
    profiles[1, [0, 4]] = 50
    catalog = Catalog(np.array([1, 2]), profiles, np.array([300.0, 200.0]))
    mixture = STRATEGIES["mixture"]
    matrix = mixture.matrix(catalog, 1.0)
    assert matrix.shape == (2, WIDTH)
    assert matrix[:, 0].tolist() == pytest.approx([0.75, 0.25])
    assert matrix[:, 4].tolist() == [0.0, 1.0]
    user = np.zeros(15)
    user[0], user[4] = 0.2, 0.8
    assert mixture.terms(mixture.row(user, catalog.population(1.0)), matrix[1], profiles[1])[
        [0, 4]
    ].tolist() == pytest.approx([0.05, 0.8])
