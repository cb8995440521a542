"""Small random inventories with many twins, and numbers on which float32, sums and ties can go wrong."""

import numpy as np
from hypothesis import strategies as st

from movies.genres import GENRES
from recommendations.recommender.catalog import Catalog

VIEWS = (0.0, 0.0, 5e-324, 1e-300, 1e-12, 1.0, 1.0, 1 + 2**-40, 2.0, 3.5, 1e6, 1e300)
# 1 and its neighbors are one number in float32
NUMBERS = (0.0, 1.0, 1 + 2**-40, 1 - 2**-40, 1 / 3, 0.1, -1.0, -1 / 3, 1e-9, 1e-42, 1e-300, 1e9)

seeds = st.integers(0, 2**32 - 1)


@st.composite
def profiles(draw: st.DrawFn) -> list[int]:
    """15 weights that sum to 100, of which most are 0."""
    weights = [0] * len(GENRES)
    left = 100
    for genre in draw(st.lists(st.integers(0, len(GENRES) - 1), max_size=3, unique=True)):
        weights[genre] = draw(st.sampled_from((1, 10, 33, 50, 100)))
        weights[genre] = min(left, weights[genre])
        left -= weights[genre]
    weights[draw(st.integers(0, len(GENRES) - 1))] += left
    return weights


@st.composite
def catalogs(draw: st.DrawFn, *, smallest: int = 0, largest: int = 60) -> Catalog:
    """Movies of at most 8 different profiles and as many numbers of views as there are in VIEWS."""
    count = draw(st.integers(smallest, largest))
    some = np.array(draw(st.lists(profiles(), min_size=1, max_size=8)), dtype=np.uint8)
    random = np.random.default_rng(draw(seeds))
    views = random.choice(VIEWS, size=count) if draw(st.booleans()) else np.zeros(count)
    return Catalog(
        np.cumsum(random.integers(1, 4, size=count)),
        random.permutation(some[random.integers(0, len(some), count)]),
        views,
    )
