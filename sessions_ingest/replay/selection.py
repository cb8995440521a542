"""The best movies of many moments at once: at most PER_PROFILE of one profile; ties by more views, then the lower id.

Within a profile every strategy orders by views, then by id, because the scores of identical profiles differ by views
alone. So which movies of a profile may be on a list does not depend on the strategy. No Django.
"""

import numpy as np
from numpy.typing import NDArray

from recommendations.lists import MAX_LIST_LENGTH
from recommendations.recommender.engine import MAX_PER_PROFILE

LENGTH = MAX_LIST_LENGTH
PER_PROFILE = MAX_PER_PROFILE
NOBODY = -1  # fills lists that are shorter

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]


class Selection:
    """Picks from movies whose profiles' groups are given, for a block of moments: one row each."""

    def __init__(self, groups: NDArray[np.int32]) -> None:
        self._first = np.searchsorted(np.sort(groups), np.sort(groups))  # place of the first of its group

    def left_out(self, orders: Positions, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Movies that no list may hold: seen ones, and those after PER_PROFILE unseen ones of their profile.

        `orders` are the movies by group, then views, then id.
        """
        ordered = np.take_along_axis(seen, orders, axis=1)
        unseen = np.cumsum(~ordered, axis=1, dtype=np.int32)
        before = np.pad(unseen, ((0, 0), (1, 0)))[:, self._first]  # unseen movies of earlier groups
        out = np.empty_like(seen)
        np.put_along_axis(out, orders, ordered | (unseen - before > PER_PROFILE), axis=1)
        return out

    def best(self, scores: Floats, views: Floats, out: NDArray[np.bool_]) -> Positions:
        """LENGTH positions a moment, best first, without those left out; NOBODY where there are no more."""
        scores = np.where(out, -np.inf, scores)
        lists = np.full((len(scores), LENGTH), NOBODY)
        if not (reach := min(LENGTH, scores.shape[1])):
            return lists
        bounds = np.partition(scores, -reach, axis=1)[:, -reach, np.newaxis]
        best = (scores >= bounds) & (scores > -np.inf)
        decided = best.sum(axis=1) == LENGTH
        candidates = np.nonzero(best[decided])[1].reshape(-1, LENGTH)
        of_candidates, of_views = (
            np.take_along_axis(numbers[decided], candidates, axis=1) for numbers in (scores, views)
        )
        order = np.lexsort((-of_views, -of_candidates), axis=1)
        lists[decided] = np.take_along_axis(candidates, order, axis=1)
        for moment in np.flatnonzero(~decided):  # equal scores at the end of the list, or too few movies
            some = np.flatnonzero(best[moment])
            ranked = some[np.lexsort((-views[moment, some], -scores[moment, some]))][:LENGTH]
            lists[moment, : len(ranked)] = ranked
        return lists
