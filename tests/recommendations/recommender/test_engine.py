"""The engine answers like a brute force in float64, order and ties included, whatever its filter leaves out."""

from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from movies.inventory import generated_movies
from recommendations.recommender import float32_filter, taste
from recommendations.recommender.catalog import Catalog
from recommendations.recommender.engine import USERS, Engine
from recommendations.recommender.float32_filter import LARGEST
from recommendations.recommender.strategies import STRATEGIES, WIDTH
from tests.recommendations.recommender import brute_force
from tests.recommendations.recommender.inventories import NUMBERS, catalogs, seeds


class Case(NamedTuple):
    """Users of one catalog, with the sizes of the filter that make it work in several steps."""

    catalog: Catalog
    matrix: NDArray
    rows: NDArray
    excluded: list[NDArray]
    sizes: dict[str, Any]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Anything may be excluded, nearly all and all included; numbers are few and awkward, or any."""
    catalog = draw(catalogs())
    random = np.random.default_rng(draw(seeds))
    users = draw(st.integers(1, 5))
    scale = draw(st.sampled_from((1e-3, 1.0, 1e4)))

    def numbers(count: int) -> NDArray:
        if draw(st.booleans()):
            return random.choice(NUMBERS, size=(count, WIDTH))
        return random.normal(scale=scale, size=(count, WIDTH))

    matrix = numbers(len(catalog))
    likeness = draw(st.sampled_from(("any", "twins", "equal in float32")))
    if likeness == "twins":
        matrix = matrix[random.integers(0, 4, size=len(catalog)) % max(1, len(catalog))]
    elif likeness == "equal in float32":
        matrix = matrix[:1] * (1 + 1e-8 * random.normal(size=matrix.shape))
        matrix = matrix.clip(-LARGEST, LARGEST)
    shares = [draw(st.sampled_from((0.0, 0.1, 0.9, 1.0))) for _ in range(users)]
    excluded = [np.flatnonzero(random.random(len(catalog)) < share) for share in shares]
    sizes: dict[str, Any] = {
        "CHUNK": draw(st.sampled_from((4, 16, 4_000))),
        "MAX_SURVIVORS": draw(st.sampled_from((2, 10, 4_000))),
        "ROOM": draw(st.sampled_from((0, 5, 160))),
    }
    return Case(catalog, matrix, numbers(users), excluded, sizes)


@settings(max_examples=300)
@given(cases(), st.integers(1, 4) | st.integers(1, 70), st.integers(1, 3))
def test_lists_are_those_of_a_brute_force(case: Case, k: int, per_profile: int):
    with patch.multiple(float32_filter, **case.sizes):
        lists = Engine(case.catalog, case.matrix).top(case.rows, case.excluded, k=k, per_profile=per_profile)
    assert [one.tolist() for one in lists] == [
        brute_force.top(case.catalog, case.matrix, row, without.tolist(), k, per_profile)
        for row, without in zip(case.rows, case.excluded, strict=True)
    ]


@given(cases())
def test_a_place_is_that_of_a_brute_force(case: Case):
    engine = Engine(case.catalog, case.matrix)
    row, excluded = case.rows[0], case.excluded[0]
    for position in range(len(case.catalog)):
        without = set(excluded.tolist()) - {position}
        places = brute_force.ordered(case.catalog, case.matrix, row, without)
        assert engine.place(row, excluded, position) == 1 + places.index(position)


@pytest.mark.parametrize("name", STRATEGIES)
def test_lists_from_20000_movies_are_those_of_ordering_all(name: str):
    """With the sizes in use: more users than one product takes, and five chunks."""
    random = np.random.default_rng(13)
    blocks = list(generated_movies.movies(seed=13, first=1, count=20_000))
    profiles = np.concatenate([block.profiles for block in blocks])
    views = np.concatenate([block.views for block in blocks]).astype(np.float64)
    catalog = Catalog(np.arange(1, 20_001), profiles, views)
    strategy, population = STRATEGIES[name], catalog.population(1.0)
    matrix = strategy.matrix(catalog, 1.0)
    finished = [random.permutation(20_000)[: random.integers(0, 100)] for _ in range(USERS + 6)]
    rows = np.array(
        [
            strategy.row(
                taste.modelled(
                    profiles[one] / 100, given=None, population=population, alpha=0.1, shrinkage=20
                ),
                population,
            )
            for one in finished
        ]
    )
    lists = Engine(catalog, matrix).top(rows, finished)
    for row, without, listed in zip(rows, finished, lists, strict=True):
        scores = row[0] * matrix[:, 0]
        for column in range(1, WIDTH):
            scores += row[column] * matrix[:, column]
        order = np.lexsort((catalog.ids, -views, -scores))
        order = order[~np.isin(order, without)]
        assert listed.tolist() == brute_force.limited(catalog, order[:1_000].tolist(), 3)[:20]


def test_lists_are_as_long_as_the_movies_suffice():
    catalog = Catalog(np.array([3, 5, 9]), np.zeros((3, 15), dtype=np.uint8), np.array([1.0, 7.0, 7.0]))
    engine = Engine(catalog, np.zeros((3, WIDTH)))
    rows = np.ones((2, WIDTH))
    nothing, second = np.array([], dtype=np.int64), np.array([1])
    assert [one.tolist() for one in engine.top(rows, [nothing, second], k=20)] == [[1, 2, 0], [2, 0]]
    assert [one.tolist() for one in engine.top(rows, [nothing, second], per_profile=1)] == [[1], [2]]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -2e9])
def test_numbers_that_float32_cannot_hold_are_refused(number: float):
    catalog = Catalog(np.array([3]), np.zeros((1, 15), dtype=np.uint8), np.array([1.0]))
    wrong = np.full((1, WIDTH), number)
    with pytest.raises(ValueError, match="finite"):
        Engine(catalog, wrong)
    with pytest.raises(ValueError, match="finite"):
        Engine(catalog, np.ones((1, WIDTH))).top(wrong, [np.array([], dtype=np.int64)])
