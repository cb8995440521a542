"""The filter loses none of the best movies, also where float32 cannot tell their scores from others'."""

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recommendations.recommender import float32_filter
from recommendations.recommender.float32_filter import Float32Filter
from recommendations.recommender.strategies import WIDTH
from tests.recommendations.recommender import brute_force
from tests.recommendations.recommender.inventories import seeds

USERS = 4


@given(
    seeds,
    st.integers(5, 60),
    st.integers(1, 5),
    st.sampled_from((1e-9, 1e-8, 1e-7)),
    st.sampled_from((1e-42, 1e-3, 1e3)),
    st.sampled_from((5, 20, 4_000)),
    st.sampled_from((0, 160)),
)
def test_the_best_of_nearly_equal_movies_survive(
    seed: int, count: int, wanted: int, spread: float, size: float, chunk: int, room: int
):
    random = np.random.default_rng(seed)
    matrix = size * random.normal(size=WIDTH) * (1 + spread * random.normal(size=(count, WIDTH)))
    rows = random.normal(size=(USERS, WIDTH))
    nothing = [np.array([], dtype=np.int64)] * USERS
    with patch.multiple(float32_filter, CHUNK=chunk, ROOM=room):
        passed = Float32Filter(matrix.T).survivors(rows, nothing, wanted=wanted)
    for user, row in enumerate(rows):
        scores = np.array([brute_force.score(row, movie) for movie in matrix])
        survived = set(passed.movies[passed.users == user].tolist())
        assert set(np.argsort(-scores)[:wanted].tolist()) <= survived
        assert set(np.flatnonzero(scores >= passed.complete[user]).tolist()) <= survived
        assert np.count_nonzero(scores >= passed.complete[user]) >= wanted
