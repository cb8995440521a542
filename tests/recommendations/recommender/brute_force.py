"""The engine's promise on plain Python floats: scores all movies, orders them all, then limits by profile."""

from collections import Counter
from collections.abc import Collection, Iterable

from numpy.typing import NDArray

from recommendations.recommender.catalog import Catalog


def score(user: NDArray, movie: NDArray) -> float:
    total = 0.0
    for factor, number in zip(user.tolist(), movie.tolist(), strict=True):
        total += factor * number
    return total


def ordered(catalog: Catalog, matrix: NDArray, row: NDArray, excluded: Collection[int]) -> list[int]:
    """All positions but those excluded, best first."""
    free = set(range(len(catalog))) - set(excluded)
    scores = [score(row, movie) for movie in matrix]
    return sorted(free, key=lambda one: (-scores[one], -float(catalog.views[one]), int(catalog.ids[one])))


def top(
    catalog: Catalog, matrix: NDArray, row: NDArray, excluded: Collection[int], k: int, per_profile: int
) -> list[int]:
    return limited(catalog, ordered(catalog, matrix, row, excluded), per_profile)[:k]


def limited(catalog: Catalog, positions: Iterable[int], per_profile: int) -> list[int]:
    """These positions without the later ones of a profile that has `per_profile` before."""
    counts: Counter[tuple[int, ...]] = Counter()
    taken = []
    for position in positions:
        profile = tuple(catalog.profiles[position].tolist())
        counts[profile] += 1
        if counts[profile] <= per_profile:
            taken.append(position)
    return taken
