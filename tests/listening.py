"""What the apps tell of activity, as tuples."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from movies.signals import activity_listeners


@contextmanager
def activity_heard() -> Iterator[list[tuple[Any, ...]]]:
    """A list that fills with what is told meanwhile."""
    heard: list[tuple[Any, ...]] = []

    def hear(
        kind: str,
        who: int | str,
        movies: int,
        at: float,
        progress: Sequence[float] = (),
        viewed: Sequence[int] = (),
    ) -> None:
        heard.append((kind, who, movies, at, progress, viewed))

    activity_listeners.append(hear)
    try:
        yield heard
    finally:
        activity_listeners.remove(hear)
