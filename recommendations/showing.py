"""What of a user's stored lists is shown, as a pure function."""

from collections.abc import Callable, Sequence
from typing import TypeVar

E = TypeVar("E")  # how the caller represents a movie
P = TypeVar("P", float, bytes)  # progress, as a number or its JSON


def shown(
    recommended: list[int],
    watching: list[int],
    progress: Sequence[P],
    dismissed: Sequence[int],
    find: Callable[[list[int]], Sequence[E | None]],
    mark: float,
) -> tuple[list[E], list[tuple[E, P]]]:
    """What of the stored lists a user is shown, in order: recommendations, and currently watching with progress.

    No movie is in both, none was dismissed, and none is finished by `mark`, which may be lower than when the
    progress was stored.
    `find` returns what the caller shows of each movie; None for one that is hidden or deleted, which is left out.
    """
    if dismissed:
        unwanted = set(dismissed)
        recommended = [movie for movie in recommended if movie not in unwanted]
        wanted = [number for number, movie in enumerate(watching) if movie not in unwanted]
        watching, progress = [watching[n] for n in wanted], [progress[n] for n in wanted]
    in_progress = set(watching)
    chosen = [movie for movie in recommended if movie not in in_progress] if watching else recommended
    found = find(chosen + watching)
    return (
        [movie for movie in found[: len(chosen)] if movie is not None],
        [
            (movie, share)
            for movie, share in zip(found[len(chosen) :], progress, strict=True)
            if movie is not None and (mark == 1 or float(share) < mark)
        ],
    )
