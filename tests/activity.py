"""Records the activity that the apps publish."""

from collections.abc import Iterator
from contextlib import contextmanager

from movies.foundation.events import Activity, activity_subscribers


@contextmanager
def recorded_activity() -> Iterator[list[Activity]]:
    """A list that fills with the activity published inside the block."""
    recorded: list[Activity] = []
    activity_subscribers.append(recorded.append)
    try:
        yield recorded
    finally:
        activity_subscribers.remove(recorded.append)
