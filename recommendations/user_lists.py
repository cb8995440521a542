"""What is kept about one user: both lists, what was taken off, finished or dismissed, and the events about it."""

from datetime import datetime

from msgspec import Struct

FIXED_FINISHES = 5  # the first ones, which are the fixed preferences of a user who gave none
BUS = "bus"  # a list that arrived as a message, or by `POST userRecs`
GENERATED = "generated"  # a list of `manage.py seed_users`


class Entry(Struct, frozen=True, gc=False):
    """A movie that a user started and did not finish, as of the latest event about it."""

    movie_id: int
    progress: float  # 0..1, below the finished mark
    at: datetime  # the event's order: only a later event changes the entry
    back_at: datetime | None = None  # when it was brought back by hand, if later than `at`

    @property
    def moved_to_front_at(self) -> datetime:
        """What the row is sorted by, latest first: when the movie was watched or brought back."""
        return self.back_at or self.at


class Finish(Struct, frozen=True, gc=False):
    """A movie that a user finished, when, and when the finish was first reported: when its message was sent."""

    movie_id: int
    at: datetime  # as stated: identifies the finish when it is reported again
    reported_at: datetime
    effective_at: datetime | None = None  # its order, if that is not `at`

    @property
    def order(self) -> datetime:
        """The time to order the finish by: not ahead of the sending, as `at` may be."""
        return self.effective_at or self.at

    def is_newer_than(self, as_of: datetime) -> bool:
        """Whether a list sent at `as_of` may not know of this finish. On a tie the finish wins.

        Depends on send times and event times only, so the order in which list and finish arrive does not matter.
        """
        return self.reported_at >= as_of or self.order > as_of


class Event(Struct, frozen=True, gc=False):
    """One event of a session."""

    movie_id: int
    progress: float
    at: datetime  # as stated
    finished: bool  # progress is at or above the finished mark
    reported_at: datetime  # when the message was sent
    # the time to order the event by if `at` is ahead of the sending: about the sending time
    effective_at: datetime | None = None
    # the user's latest finish of this movie on record; may no longer be in `UserLists.finished`
    last_finish: datetime | None = None
    counted_before: bool = False  # a finish that is on record: it has changed the lists before

    @property
    def order(self) -> datetime:
        """The time to order the event by."""
        return self.effective_at or self.at


class Trial(Struct, frozen=True, gc=False):
    """What makes a list part of an experiment."""

    experiment: int
    arm: str
    other: tuple[int, ...]  # the list that the other arm would show, best first


class UserLists(Struct, frozen=True, gc=False):
    """Everything kept about one user."""

    recommended: tuple[int, ...] = ()  # best first, as recommended
    recommended_at: datetime | None = None  # when the list was sent or made; None: there was none
    watching: tuple[Entry, ...] = ()  # most recently watched or brought back first
    removed: tuple[Entry, ...] = ()  # taken off by hand, latest first; keep their progress
    # the latest reported, latest first: needed for lists sent before them, and to recognize repeated finishes
    finished: tuple[Finish, ...] = ()
    # who made `recommended`: BUS, GENERATED, or the strategy of our own recommender by its name
    recommended_by: str = BUS
    dismissed: tuple[int, ...] = ()  # "not for me", latest first: shown in no list until that is undone
    trial: Trial | None = None  # if `recommended` was made for an experiment
    read_at: datetime | None = None  # when a read of `recommended` was logged; None while none was


EMPTY_LISTS = UserLists()
