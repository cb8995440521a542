"""What a simulated user does after a look at the list: which movies, from where, and how far. No Django."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LISTED = 0.5  # the chance that a new movie is taken from the list, in control
NEW_MOVIES = (1, 2, 2, 3, 3)  # of an evening
RESUMED = 0.6  # the chance that an unfinished movie is watched on, which the user then finishes or abandons
ENDS = 0.6  # the chance that it is finished then
FINISHED_AT_ONCE = 0.65  # the chance that a new movie is finished on the first evening
AGAIN = 0.05  # the chance that the movie finished last is watched again
FAVOURS_FIRST = 2.0  # the place on a list is length x (0..1) ** this
FAVOURS_POPULAR = 2.5  # the same on a shelf
TRIES = 10  # at a movie of a shelf that the user may take
MAX_OPEN = 5  # unfinished movies of a user; the oldest is abandoned
MINUTES = 70  # from one movie to the next
FIRST_MINUTE = 2

Shelf = NDArray[np.int64]  # movies of a genre, most popular first


class Watched(NamedTuple):
    """One event of the evening."""

    movie_id: int
    progress: float
    minutes: int  # after the look
    listed: bool | None = None  # whether it is a new movie taken from the list; None: it is not new


@dataclass(slots=True)
class Memory:
    """What a user remembers from earlier evenings."""

    unfinished: dict[int, float]  # progress by movie, oldest first
    finished_last: int = 0


def shelves(ids: NDArray[np.int64], views: NDArray[np.float64], profiles: NDArray[np.uint8]) -> list[Shelf]:
    """For each genre the movies that it is the strongest of, most popular first; all movies where there are none."""
    strongest = profiles.argmax(axis=1)
    popularity = np.lexsort((ids, -views))
    by_genre = (popularity[strongest[popularity] == genre] for genre in range(profiles.shape[1]))
    return [ids[places if len(places) else popularity] for places in by_genre]


def evening(
    draw: random.Random,
    memory: Memory,
    shown: Sequence[int],
    unwanted: Collection[int],
    tastes: Sequence[Shelf],
    chance: float,
) -> list[Watched]:
    """The events of one evening, in the order of time. Changes the memory.

    A new movie is taken from the list with `chance`, else from a shelf of the user's tastes, where it is one that is
    neither on the list nor `unwanted`.
    """
    events: list[Watched] = []
    avoided = {*shown, *unwanted}

    def watch(movie: int, progress: float, listed: bool | None = None) -> None:
        events.append(Watched(movie, progress, FIRST_MINUTE + MINUTES * len(events), listed))
        if progress == 1:
            memory.finished_last = movie
        else:
            memory.unfinished[movie] = progress
        avoided.add(movie)

    if memory.unfinished and draw.random() < RESUMED:
        movie, before = memory.unfinished.popitem()
        if draw.random() < ENDS:
            watch(movie, 1.0)
        else:  # abandoned: the user never returns to it
            events.append(Watched(movie, round(min(0.97, before + 0.05), 2), FIRST_MINUTE))
    if memory.finished_last and draw.random() < AGAIN:
        watch(memory.finished_last, 1.0)
    left = list(shown)
    for _ in range(draw.choice(NEW_MOVIES)):
        listed = draw.random() < chance and bool(left)
        movie = (
            left.pop(_place(draw, len(left), FAVOURS_FIRST)) if listed else _off_list(draw, tastes, avoided)
        )
        if movie:
            progress = 1.0 if draw.random() < FINISHED_AT_ONCE else round(draw.uniform(0.05, 0.9), 2)
            watch(movie, progress, listed)
    while len(memory.unfinished) > MAX_OPEN:
        del memory.unfinished[next(iter(memory.unfinished))]
    return events


def _off_list(draw: random.Random, tastes: Sequence[Shelf], avoided: Collection[int]) -> int:
    """A movie of the tastes' shelves that is not avoided; 0 if none was found."""
    shelf = draw.choice(tastes)
    for _ in range(TRIES):
        movie = int(shelf[_place(draw, len(shelf), FAVOURS_POPULAR)])
        if movie not in avoided:
            return movie
    return 0


def _place(draw: random.Random, length: int, favours: float) -> int:
    return int(length * draw.random() ** favours)
