"""The first read of a list by its user: what is logged of it, and who is notified."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from recommendations.user_lists import Trial


class Unread(Struct, frozen=True, gc=False):
    """A stored list of which no read is logged: as of when it is, who made it, and for which experiment."""

    made_at: datetime
    made_by: str
    trial: Trial | None = None


class FirstRead(Struct, frozen=True, gc=False):
    """A list as its user saw it, before any read of it was logged."""

    user_id: int
    made_at: datetime  # with the user's id, the key of the list
    read_at: datetime  # in whole milliseconds
    made_by: str
    movies: tuple[int, ...]  # as shown, best first
    trial: Trial | None = None  # its `other` as it would have been shown


# Called with each FirstRead, which may come again until it is logged. Subscribers never wait and never raise.
# Without any, reads do not look at what is logged.
first_read_subscribers: list[Callable[[FirstRead], object]] = []
