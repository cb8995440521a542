"""The visible movies and their recent views, as parallel columns of numpy."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from movies.genres import GENRES
from recommendations.recommender.taste import sum_in_order

Positions = NDArray[np.int64]

# Recent views are whole numbers, in units of 2^-40 of those of the most viewed visible movie: exact as float64, and
# the same whatever the half-life and the day.
UNIT_BITS = 40


@dataclass(frozen=True, eq=False)
class Catalog:
    """All visible movies in the order of their ids; a movie's position is its index in these columns.

    A movie takes 31 bytes, and 8 more for `profile_group` and `rank` after their first use.
    """

    ids: NDArray[np.int64]  # ascending
    profiles: NDArray[np.uint8]  # a row of 15 weights a movie
    views: NDArray[np.float64]  # recent views as of now, >= 0

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, ids: ArrayLike) -> Positions:
        """Positions of those of these movies that are there, in the order of `ids`."""
        wanted = np.asarray(ids, dtype=np.int64)
        if not len(self.ids):
            return np.empty(0, dtype=np.int64)
        places = np.searchsorted(self.ids, wanted)
        places[places == len(self.ids)] = 0
        return places[self.ids[places] == wanted]

    def strength(self, exponent: float) -> NDArray[np.float64]:
        """(recent views / the most of any movie) ** exponent, in 0..1, so that no number of views overflows."""
        most = self.views.max(initial=0.0)
        relative = self.views / most if most > 0 else self.views
        return relative if exponent == 1 else relative**exponent

    def genre_totals(self, exponent: float) -> NDArray[np.float64]:
        """The sum of strength x weight over the movies, for each genre. Computed once for each exponent."""
        if exponent not in self._totals:
            strength = self.strength(exponent)
            self._totals[exponent] = np.array(
                [sum_in_order(strength * weights) for weights in self.profiles.T]
            )
        return self._totals[exponent]

    def population(self, exponent: float) -> NDArray[np.float64]:
        """Shares of the genres in the views of everybody; uniform where nothing was viewed."""
        totals = self.genre_totals(exponent)
        total = sum_in_order(totals)
        return totals / total if total > 0 else np.full(len(GENRES), 1 / len(GENRES))

    @cached_property
    def _totals(self) -> dict[float, NDArray[np.float64]]:
        return {}

    @cached_property
    def profile_group(self) -> NDArray[np.int32]:
        """A number for each movie, equal for identical profiles."""
        padded = np.zeros((len(self), 16), dtype=np.uint8)
        padded[:, : len(GENRES)] = self.profiles
        first, second = padded.view(np.uint64).T
        order = np.lexsort((second, first))
        differs = (np.diff(first[order]) != 0) | (np.diff(second[order]) != 0)
        group = np.empty(len(self), dtype=np.int32)
        group[order] = np.concatenate([[0], np.cumsum(differs)])[: len(self)]
        return group

    @cached_property
    def rank(self) -> NDArray[np.int32]:
        """Each movie's place by views, then by lower id, from 0; it decides between equal scores."""
        rank = np.empty(len(self), dtype=np.int32)
        rank[np.argsort(-self.views, kind="stable")] = np.arange(len(self), dtype=np.int32)
        return rank
