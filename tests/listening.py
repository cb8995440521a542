"""What the apps tell of activity."""

from collections.abc import Iterator
from contextlib import contextmanager

from movies.foundation.events import Activity, activity_subscribers


@contextmanager
def activity_heard() -> Iterator[list[Activity]]:
    """A list that fills with what is told meanwhile."""
    heard: list[Activity] = []
    activity_subscribers.append(heard.append)
    try:
        yield heard
    finally:
        activity_subscribers.remove(heard.append)
