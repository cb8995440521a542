"""Users a second of the recommender's engine and of two simple scans, in a process and on a thread of their own.

`python -m benchmarks.recommend_engine --movies FILE` prints one JSON object. FILE holds the columns of a catalog
(numpy's npz). OpenBLAS reads the number of its threads (`SINGLE_THREAD`) from the environment when numpy is imported.
"""

import argparse
import heapq
import json
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import least
from recommendations.recommender import taste
from recommendations.recommender.catalog import Catalog, Positions
from recommendations.recommender.engine import USERS, Engine
from recommendations.recommender.strategies import STRATEGIES, WIDTH

SINGLE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
K = 20
PER_PROFILE = 3
FINISHED = 50  # different movies a user, drawn by their views
BATCHES = 20  # of USERS users, for the engine
ONE_BY_ONE = 64  # users of the numpy scan
PLAIN = 2  # users of the Python scan
ROUNDS = 3

Lists = list[list[int]]


def figures(catalog: Catalog) -> dict[str, float]:
    """Users a second of each, and the memory of the process in MB while it had the engine alone."""
    mixture, population = STRATEGIES["mixture"], catalog.population(1.0)
    finished = histories(catalog, BATCHES * USERS)
    rows = np.array([mixture.row(modelled(catalog, one, population), population) for one in finished])
    engine = Engine(catalog, mixture.matrix(catalog, 1.0))
    engine.top(rows[:USERS], finished[:USERS])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    matrix = np.ascontiguousarray(mixture.matrix(catalog, 1.0))
    plain = Plain(catalog, matrix)
    expected = [one.tolist() for one in engine.top(rows[:PLAIN], finished[:PLAIN])]
    assert plain.lists(rows[:PLAIN], finished[:PLAIN]) == expected, "the Python scan has other lists"
    fast, one_by_one, scan = least(
        ROUNDS,
        lambda: seconds(BATCHES * USERS, lambda: engine.top(rows, finished)),
        lambda: seconds(ONE_BY_ONE, lambda: numpy_lists(catalog, matrix, rows[:ONE_BY_ONE], finished)),
        lambda: seconds(PLAIN, lambda: plain.lists(rows[:PLAIN], finished)),
    )
    return {"engine": 1 / fast, "numpy": 1 / one_by_one, "python": 1 / scan, "peak_mb": peak}


def seconds(users: int, action: Callable[[], object]) -> float:
    """CPU seconds a user, of all threads of this process."""
    started = time.process_time()
    action()
    return (time.process_time() - started) / users


def histories(catalog: Catalog, users: int) -> list[Positions]:
    random = np.random.default_rng(13)
    edges = np.cumsum(catalog.views)
    return [
        np.unique(np.searchsorted(edges, edges[-1] * random.random(FINISHED + 10)))[:FINISHED]
        for _ in range(users)
    ]


def modelled(catalog: Catalog, finished: Positions, population: taste.Taste) -> taste.Taste:
    profiles = catalog.profiles[finished] / 100
    return taste.modelled(profiles, given=None, population=population, alpha=0.1, shrinkage=20)


def numpy_lists(
    catalog: Catalog, matrix: NDArray[np.float64], rows: NDArray[np.float64], finished: Sequence[Positions]
) -> Lists:
    """One product with all movies a user, and a partition."""
    lists = []
    for row, without in zip(rows, finished, strict=False):
        scores = matrix @ row
        scores[without] = -np.inf
        best = np.argpartition(scores, -2 * K)[-2 * K :]
        ordered = best[np.lexsort((best, -catalog.views[best], -scores[best]))]
        lists.append(limited(ordered.tolist(), catalog.profile_group))
    return lists


class Plain:
    """A scan on lists of Python floats, as one would write it without numpy."""

    def __init__(self, catalog: Catalog, matrix: NDArray[np.float64]) -> None:
        self.rows = matrix.tolist()
        self.views = catalog.views.tolist()
        self.group = catalog.profile_group

    def lists(self, rows: NDArray[np.float64], finished: Sequence[Positions]) -> Lists:
        return [self.best(row, set(one.tolist())) for row, one in zip(rows.tolist(), finished, strict=False)]

    def best(self, user: list[float], finished: set[int]) -> list[int]:
        scored = []
        for position, movie in enumerate(self.rows):
            if position not in finished:
                score = 0.0
                for column in range(WIDTH):
                    score += user[column] * movie[column]
                scored.append((score, self.views[position], -position))
        return limited((-place for _, _, place in heapq.nlargest(2 * K, scored)), self.group)


def limited(positions: Iterable[int], group: NDArray[np.int32]) -> list[int]:
    counts: Counter[int] = Counter()
    taken = []
    for position in positions:
        counts[int(group[position])] += 1
        if counts[int(group[position])] <= PER_PROFILE:
            taken.append(position)
    return taken[:K]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movies", type=Path, required=True, metavar="FILE")
    columns = np.load(parser.parse_args().movies)
    print(json.dumps(figures(Catalog(columns["ids"], columns["profiles"], columns["views"]))))


if __name__ == "__main__":
    main()
