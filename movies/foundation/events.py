"""What the apps announce to whoever listens, without knowing who does."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.dispatch import Signal


class Activity(NamedTuple):
    """Something that clients or sister services did, for analytics."""

    kind: str  # user-data, genre-data, session-data, recs-data
    who: int | str  # the user id, or the genre
    movies: int  # how many
    at: float  # seconds since 1970
    # of session-data: the progress of each event, and the movies whose views it counted
    progress: Sequence[float] = ()
    viewed: Sequence[int] = ()


# After each committed change of the inventory: the change feed has something to send.
inventory_changed = Signal()

# They never wait and never raise; nothing is told in a transaction that may still fail. No Signal: its dispatch
# would cost a hot read more than all else that recording does.
activity_subscribers: list[Callable[[Activity], object]] = []

# After a bulk job was put down that the worker is to do.
job_waits = Signal()

# When a process begins to consume the queues of messages.
consuming = Signal()

# Each time a queue of messages answered a receiver, with messages or without; tells its name as `queue`.
queue_polled = Signal()
