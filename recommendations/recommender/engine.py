"""The exact best movies for each user: of all movies, by a score that is linear in 16 numbers of the user."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommendations.recommender.catalog import Catalog, Positions
from recommendations.recommender.strategies import Matrix, Row


class Engine:
    """Best movies of one catalog by one strategy's matrix.

    The better of two movies has the higher score; at the same score more recent views; then the lower id.
    """

    def __init__(self, catalog: Catalog, matrix: Matrix) -> None:
        self._columns = np.ascontiguousarray(matrix.T, dtype=np.float64)
        self._rank = catalog.rank
        self._group = catalog.profile_group

    def top(
        self,
        rows: NDArray[np.float64],
        excluded: Sequence[Positions],
        *,
        k: int = 20,
        per_profile: int = 3,
    ) -> list[Positions]:
        """Positions of each user's k best movies, best first, without those excluded.

        At most `per_profile` of them have one identical profile. Shorter where the movies do not suffice.
        """
        return [self._scan(row, without, k, per_profile) for row, without in zip(rows, excluded, strict=True)]

    def place(self, row: Row, excluded: Positions, position: int) -> int:
        """The place of a movie, from 1, among all that are not excluded, before any limit by profile.

        For an excluded movie it is the place that the movie would have.
        """
        scores = self._scores(row)
        ahead = (scores > scores[position]) | (
            (scores == scores[position]) & (self._rank < self._rank[position])
        )
        ahead[excluded] = False
        return int(np.count_nonzero(ahead)) + 1

    def _scan(self, row: Row, excluded: Positions, k: int, per_profile: int) -> Positions:
        """The k best, by scoring and ordering all movies."""
        scores = self._scores(row)
        order = np.lexsort((self._rank, -scores))
        free = np.ones(len(order), dtype=bool)
        free[excluded] = False
        return self._limited(order[free[order]], k, per_profile)

    def _scores(self, row: Row, positions: Positions | slice = slice(None)) -> NDArray[np.float64]:
        """Scores of these movies; the products are added in order, so a movie's score always has the same bits."""
        columns = self._columns[:, positions]
        scores = row[0] * columns[0]
        for factor, column in zip(row[1:], columns[1:], strict=True):
            scores += factor * column
        return scores

    def _limited(self, ordered: Positions, k: int, per_profile: int) -> Positions:
        """The first k of these movies, with at most `per_profile` of one profile."""
        taken: list[int] = []
        seen: dict[int, int] = {}
        for position in ordered.tolist():
            group = int(self._group[position])
            if seen.get(group, 0) < per_profile:
                seen[group] = seen.get(group, 0) + 1
                taken.append(position)
                if len(taken) == k:
                    break
        return np.array(taken, dtype=np.int64)
