"""What the apps announce to whoever listens, without knowing who does."""

from collections.abc import Sequence
from typing import Protocol

from django.dispatch import Signal


class ActivityListener(Protocol):
    """Hears what clients or sister services did, for analytics. It never waits and never raises."""

    def __call__(
        self,
        kind: str,
        who: int | str,
        movies: int,
        at: float,
        progress: Sequence[float] = ...,
        viewed: Sequence[int] = ...,
    ) -> None:
        """`kind`: user-data, genre-data, session-data, recs-data; `who`: the user id or genre; `movies`: how
        many; `at`: seconds since 1970. For session-data also `progress` of each event, and the movies whose
        views it counted."""
        ...


# After each committed change of the inventory: the change feed has something to send.
inventory_changed = Signal()

# Tell each, and never in a transaction that may still fail. No Signal: that costs a hot read 2 % of its time.
activity_listeners: list[ActivityListener] = []

# After a bulk job was put down that the worker is to do.
job_waits = Signal()
