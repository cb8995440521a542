"""The columns of a catalog, and what follows from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommendations.recommender.catalog import Catalog
from tests.recommendations.recommender.inventories import catalogs


@given(catalogs(), st.lists(st.integers(0, 200)))
def test_positions_are_those_of_the_movies_that_are_there(catalog: Catalog, wanted: list[int]):
    known = {int(movie_id): position for position, movie_id in enumerate(catalog.ids)}
    assert catalog.positions(wanted).tolist() == [known[one] for one in wanted if one in known]


@given(catalogs())
def test_identical_profiles_share_a_group(catalog: Catalog):
    pairs = {
        (tuple(profile), group)
        for profile, group in zip(catalog.profiles.tolist(), catalog.profile_group.tolist(), strict=True)
    }
    assert len(pairs) == len({profile for profile, _ in pairs}) == len({group for _, group in pairs})


@given(catalogs())
def test_rank_is_by_views_then_lower_id(catalog: Catalog):
    ordered = sorted(range(len(catalog)), key=lambda one: (-catalog.views[one], catalog.ids[one]))
    assert [int(catalog.rank[position]) for position in ordered] == list(range(len(catalog)))


@given(catalogs(), st.sampled_from((0.0, 0.3, 1.0, 2.0)))
def test_a_population_is_a_distribution(catalog: Catalog, exponent: float):
    population = catalog.population(exponent)
    assert population.min() >= 0
    assert population.sum() == pytest.approx(1)


def test_a_population_is_the_genres_shares_of_views():
    profiles = np.zeros((2, 15), dtype=np.uint8)
    profiles[0, 0] = 100
    profiles[1, [0, 4]] = 50
    catalog = Catalog(np.array([1, 2]), profiles, np.array([300.0, 200.0]))
    assert catalog.population(1.0)[[0, 4]].tolist() == pytest.approx([0.8, 0.2])
    assert catalog.population(0.0)[[0, 4]].tolist() == pytest.approx([0.75, 0.25])


def test_the_population_is_uniform_where_nothing_was_viewed():
    catalog = Catalog(np.array([1]), np.array([[100, *[0] * 14]], dtype=np.uint8), np.zeros(1))
    assert catalog.population(1.0).tolist() == [1 / 15] * 15
