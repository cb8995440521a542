"""The interface of every store of user lists; one contract suite in the tests verifies each store."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from recommendations.list_reads import FirstRead, Unread
from recommendations.user_lists import UserLists

Change = Callable[[UserLists], UserLists]


class StoreUnavailable(Exception):
    """The store did not answer. The call may have taken effect; repeating it is safe."""


@dataclass(frozen=True, slots=True)
class ServedRow:
    """The part of a user's lists that a client's read needs; `watching` and `progress` are parallel."""

    recommended: list[int]
    watching: list[int]
    progress: list[bytes]  # as JSON numbers, ready to send
    dismissed: Sequence[int] = ()  # may be in both lists, and is not shown
    unread: Unread | None = None  # if no read of `recommended` is logged, and only if it was asked for


class ListStore(Protocol):
    """Lists by user id.

    Every method raises StoreUnavailable, and never a driver's own error, if the store is unavailable.
    """

    def served(self, user_id: int, *, unread: bool = False) -> tuple[ServedRow | None, int]:
        """The user's row (None: no record) and the version of the inventory to serve it with.

        `unread`: the row says what the log of reads needs, if the list is not in it yet.
        """
        ...

    def mark_read(self, reads: Collection[FirstRead]) -> None:
        """Stores that reads of these lists are logged. Leaves out lists that were replaced meanwhile."""
        ...

    def read(self, user_id: int) -> UserLists | None:
        """Everything stored about the user; None if nothing is."""
        ...

    def read_each(self, user_ids: Collection[int]) -> dict[int, UserLists]:
        """Everything stored about these users, in one statement; users without a record are left out."""
        ...

    def update(self, changes: Mapping[int, Change]) -> None:
        """Applies each user's change to the stored lists (or to EMPTY_LISTS), and stores what differs.

        Atomic for each user; no update is lost to a concurrent writer.

        A change may be called more than once, so it must be pure and idempotent.
        """
        ...

    def write(self, rows: Iterable[tuple[int, UserLists]]) -> int:
        """Stores complete rows, replacing existing ones: for seeding and copying. Returns how many."""
        ...

    def delete(self, user_ids: Collection[int]) -> None:
        """Deletes everything stored about these users: for simulated ones."""
        ...

    def scan(self, after: int, limit: int) -> list[tuple[int, UserLists]]:
        """Up to `limit` users with ids above `after`, in order of id."""
        ...

    def ids(self, after: int, limit: int) -> list[int]:
        """The ids that `scan` would return."""
        ...

    def ids_before(self, before: int, limit: int) -> list[int]:
        """Up to `limit` ids of users below `before`, the highest first."""
        ...

    def sample(self, limit: int) -> list[UserLists]:
        """The recommended lists of everybody, or of about `limit` users drawn from all; nothing else of them is read.

        Reads little more than it returns, whatever the number of users.
        """
        ...

    def count(self) -> int:
        """The number of stored users; may lag by a minute at scale."""
        ...
