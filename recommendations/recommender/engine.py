"""The exact best movies of each user, by any score that is linear in 16 numbers of the user."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommendations.recommender.catalog import Catalog, Positions
from recommendations.recommender.float32_filter import Float32Filter
from recommendations.recommender.strategies import WIDTH, Matrix, Row

USERS = 64  # in one product with the movies
MAX_PER_PROFILE = 3  # movies of one identical profile in a list: twins would fill it otherwise

Movies = NDArray[np.int64]  # a movie is its place by views, from 0: its index in the columns


class Engine:
    """Best movies of one catalog by one strategy's matrix.

    The better of two movies has the higher score; at the same score more recent views; then the lower id.

    A movie takes 208 bytes: 128 of the matrix, 64 of its float32 copy, 16 of its position, place and profile; that is
    62 MB for 300,000. `top` takes a few MB more whatever the number of users, and up to 40 MB where the filter does
    not suffice and it orders all movies of one user.
    """

    def __init__(self, catalog: Catalog, matrix: Matrix) -> None:
        self._place = catalog.rank
        self._position = np.argsort(catalog.rank)
        self._group = catalog.profile_group[self._position]
        self._columns = np.ascontiguousarray(matrix.T[:, self._position], dtype=np.float64)
        self._filter = Float32Filter(self._columns)

    def top(
        self,
        rows: NDArray[np.float64],
        excluded: Sequence[Positions],
        *,
        k: int = 20,
        per_profile: int = MAX_PER_PROFILE,
    ) -> list[Positions]:
        """Positions of each user's k best movies, best first, without those excluded.

        At most `per_profile` of them have one identical profile. Shorter where the movies do not suffice.
        """
        lists: list[Positions] = []
        for start in range(0, len(rows), USERS):
            part = slice(start, start + USERS)
            without = [self._place[one].astype(np.int64) for one in excluded[part]]
            lists += [self._position[best] for best in self._best(rows[part], without, k, per_profile)]
        return lists

    def place(self, row: Row, excluded: Positions, position: int) -> int:
        """The place of a movie, from 1, among all that are not excluded, before any limit by profile.

        For an excluded movie it is the place that the movie would have.
        """
        scores = self._scores(row)
        movie = self._place[position]
        ahead = scores > scores[movie]
        ahead[:movie] |= scores[:movie] == scores[movie]
        ahead[self._place[excluded]] = False
        return int(np.count_nonzero(ahead)) + 1

    def _best(
        self, rows: NDArray[np.float64], excluded: Sequence[Movies], k: int, per_profile: int
    ) -> list[Movies]:
        """Twice as many as wanted pass the filter, so that the limit by profile rarely takes too many of them."""
        passed = self._filter.survivors(rows, excluded, wanted=2 * k)
        scores = rows[passed.users, 0] * self._columns[0, passed.movies]
        for column in range(1, WIDTH):
            scores += rows[passed.users, column] * self._columns[column, passed.movies]
        known = scores >= passed.complete[passed.users]
        users, movies = passed.users[known], passed.movies[known]
        ordered = movies[np.lexsort((movies, -scores[known], users))]
        ends = np.cumsum(np.bincount(users, minlength=len(rows)))
        lists = []
        for row, without, mine in zip(rows, excluded, np.split(ordered, ends[:-1]), strict=True):
            best = self._limited(mine, k, per_profile)
            if len(best) < k:
                best = self._limited(self._all_ordered(row, without), k, per_profile)
            lists.append(best)
        return lists

    def _all_ordered(self, row: Row, excluded: Movies) -> Movies:
        """All movies of a user, best first."""
        free = np.ones(len(self._position), dtype=bool)
        free[excluded] = False
        movies = np.flatnonzero(free)
        return movies[np.argsort(-self._scores(row)[movies], kind="stable")]

    def _scores(self, row: Row) -> NDArray[np.float64]:
        """Scores of all movies; the products are added in order, so a movie's score always has the same bits."""
        scores = row[0] * self._columns[0]
        for factor, column in zip(row[1:], self._columns[1:], strict=True):
            scores += factor * column
        return scores

    def _limited(self, ordered: Movies, k: int, per_profile: int) -> Movies:
        """The first k of these movies, with at most `per_profile` of one profile."""
        taken: list[int] = []
        counts: dict[int, int] = {}
        for movie, group in zip(ordered.tolist(), self._group[ordered].tolist(), strict=True):
            counts[group] = counts.get(group, 0) + 1
            if counts[group] <= per_profile:
                taken.append(movie)
                if len(taken) == k:
                    break
        return np.array(taken, dtype=np.int64)
