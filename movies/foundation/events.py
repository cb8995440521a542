"""Events that an app publishes to subscribers it does not know."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.dispatch import Signal


class Activity(NamedTuple):
    """An action of a client or sister service, for analytics."""

    kind: str  # user-data, genre-data, session-data, recs-data
    who: int | str  # the user id, or the genre
    movies: int  # number of movies
    at: float  # seconds since 1970
    # of session-data: the progress of each event, and the movies whose views it counted
    progress: Sequence[float] = ()
    viewed: Sequence[int] = ()


# Sent after each committed change of the inventory, when the outbox has changes to publish.
inventory_changed = Signal()

# Called with each Activity, after the commit. Subscribers never wait and never raise. Not a Signal, because its
# dispatch costs a hot read more than the rest of the recording.
activity_subscribers: list[Callable[[Activity], object]] = []

# Sent after a bulk job was queued for the worker.
job_queued = Signal()

# Sent after users finished movies, or anything else changed what is recommended to them.
users_changed = Signal()

# Sent after an experiment was started or stopped: lists are to be made for other arms.
experiment_changed = Signal()

# Sent when a process begins to consume the message queues.
consumer_started = Signal()

# Sent each time a message queue answered a receiver, also without messages. `queue` is its name.
queue_polled = Signal()
