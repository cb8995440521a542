"""Gives fixed preferences to a share of the seeded users: what the movies of their generated list have in common."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from movies.viewing.popularity import visible
from recommendations import preferences
from recommendations.seeding.generated_lists import blocks, pools
from recommendations.seeding.seeded_users import NoMovies, Progress

GROUP = (
    2  # ids that follow each other and get preferences, or not, together: so both parities have equally many
)


def give(*, users: int, seed: int, percent: int, progress: Progress = lambda done: None) -> int:
    """Gives preferences to `percent` of the users 1 to `users`, always to the same ones. Returns how many are new.

    Preferences that a user has stay. Calls `progress` with the number of further users done. Raises NoMovies.
    """
    ids, views, profiles = visible()
    if not len(ids):
        raise NoMovies
    in_order = np.argsort(ids)
    given = 0
    for block in blocks(seed=seed, first=1, last=users, pools=pools(ids, views, profiles)):
        user_ids = np.arange(block.first, block.first + len(block))
        chosen = (user_ids - 1) // GROUP % 100 < percent
        places = in_order[np.searchsorted(ids, block.recommended[chosen], sorter=in_order)]
        weights = preferences.mean_profiles(profiles[places])
        given += preferences.give_each(_rows(user_ids[chosen], weights))
        progress(len(block))
    return given


def _rows(user_ids: NDArray[np.int64], weights: NDArray[np.int64]) -> Iterator[tuple[int, list[int]]]:
    yield from zip(user_ids.tolist(), weights.tolist(), strict=True)
