"""What every store of user lists promises; one contract suite in the tests holds each store to it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from recommendations.lists import UserLists

Change = Callable[[UserLists], UserLists]


class StoreUnavailable(Exception):
    """The store did not answer. Nothing is known about what it did; repeating the call is safe."""


@dataclass(frozen=True, slots=True)
class ServedRow:
    """What one read of the hot path needs, as parallel lists."""

    recommended: list[int]
    watching: list[int]
    progress: list[bytes]  # as JSON numbers: they are sent, never computed with


class ListStore(Protocol):
    """Lists by user id.

    Every method raises StoreUnavailable, and no driver's own error, when the store is away.
    """

    def served(self, user_id: int) -> tuple[ServedRow | None, int]:
        """The user's row (None: never heard of) and the version of the inventory to serve it with."""
        ...

    def read(self, user_id: int) -> UserLists | None:
        """Everything kept about the user; None when nothing is."""
        ...

    def update(self, changes: Mapping[int, Change]) -> None:
        """Applies each user's change to what is stored (or to NOBODY).

        Each user atomically; none is lost to a concurrent writer. Nothing is stored where nothing changed.

        A change may be called more than once, so it is pure and repeating it changes nothing.
        """
        ...

    def write(self, rows: Iterable[tuple[int, UserLists]]) -> int:
        """Stores whole rows, replacing what was there: for seeding and copying. Returns how many."""
        ...

    def scan(self, after: int, limit: int) -> list[tuple[int, UserLists]]:
        """Up to `limit` users with ids above `after`, in order of id."""
        ...

    def count(self) -> int:
        """How many users are stored; may lag by a minute at scale."""
        ...
