"""A reference model of the contract's rules, independent of the service's code: what must be stored at the end.

`Model` gets all messages in the order of sending. In any order of arrival the service must come to the same result,
as long as a user has at most 20 movies in progress and at most 20 finishes after the last list.
`InventoryModel` gets all changes of movies in the order of their commits.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T", int, datetime)  # a time; seconds where millions are kept
S = TypeVar("S", bool, str)
LENGTH = 20  # of a list


class Said(NamedTuple):
    """What a sister service says about an event, None for nothing."""

    is_rec: bool | None = None
    group: str | None = None
    rated: bool = False


NOTHING = Said()


@dataclass(slots=True)
class _User(Generic[T]):
    finishes: set[tuple[int, T]] = field(default_factory=set)  # movie, when
    # by movie, the latest: when it counts as watched; the stated time decides between times ahead
    last_finish: dict[int, tuple[T, T]] = field(default_factory=dict)
    progress: dict[int, tuple[tuple[T, T], float]] = field(default_factory=dict)
    listed: list[int] | None = None  # the list sent last, without movies finished since
    finishes_since: int = 0  # that list
    # by movie: the least time, and what was said of the event at that time: the greatest of several
    starts: dict[int, tuple[T, bool | None, str | None]] = field(default_factory=dict)
    rated: T | None = None  # the least time of an event with a rating


class Model(Generic[T]):
    """Every event and list that was sent, and the result."""

    def __init__(self, movies: set[int]) -> None:
        self.movies = movies
        self._users: dict[int, _User[T]] = {}

    def watched(self, user: int, movie: int, progress: float, at: T, sent: T, said: Said = NOTHING) -> None:
        """Adds an event. If the stated time is ahead of the sending, it is ordered by the sending."""
        if movie not in self.movies:
            return
        known = self._users.setdefault(user, _User())
        order = (min(at, sent), at)
        self._started(known, movie, order[0], said)
        if progress < 1:
            before = known.progress.get(movie)
            known.progress[movie] = max(before, (order, progress)) if before else (order, progress)
        elif (movie, at) not in known.finishes:
            known.finishes.add((movie, at))
            known.last_finish[movie] = max(known.last_finish.get(movie, order), order)
            known.finishes_since += 1
            if known.listed and movie in known.listed:
                known.listed.remove(movie)

    def recommended(self, user: int, movies: list[int]) -> None:
        """Adds a list: without repetitions and movies that do not exist, 20 at most."""
        known = self._users.setdefault(user, _User())
        known.listed = [movie for movie in dict.fromkeys(movies) if movie in self.movies][:LENGTH]
        known.finishes_since = 0

    def _started(self, known: _User[T], movie: int, at: T, said: Said) -> None:
        first = known.starts.get(movie)
        if first is None or at < first[0]:
            known.starts[movie] = (at, said.is_rec, said.group)
        elif at == first[0]:
            known.starts[movie] = (at, _greatest(first[1], said.is_rec), _greatest(first[2], said.group))
        if said.rated:
            known.rated = at if known.rated is None else min(known.rated, at)

    def users(self) -> set[int]:
        return set(self._users)

    def starts(self, user: int) -> dict[int, tuple[T, bool | None, str | None]]:
        """By movie: when the user first watched it, and what was said of that."""
        return self._user(user).starts

    def raters(self) -> dict[int, T]:
        """The users of whom a rating is known, and its least time."""
        return {user: known.rated for user, known in self._users.items() if known.rated is not None}

    def finishes(self, user: int) -> set[tuple[int, T]]:
        """The user's finishes: movie and stated time."""
        return self._user(user).finishes

    def finishes_since(self, user: int) -> int:
        """The number of finishes since the user's last list."""
        return self._user(user).finishes_since

    def views(self) -> dict[int, int]:
        """The number of finishes by movie."""
        views: Counter[int] = Counter()
        for known in self._users.values():
            views.update(movie for movie, _ in known.finishes)
        return dict(views)

    def currently_watching(self, user: int) -> list[tuple[int, float, T]]:
        """Movie, progress, when it counts as watched; most recent first."""
        known = self._user(user)
        shown = [
            (order, movie, progress)
            for movie, (order, progress) in known.progress.items()
            if movie not in known.last_finish or order > known.last_finish[movie]
        ]
        assert len(shown) <= LENGTH
        return [(movie, progress, order[0]) for order, movie, progress in sorted(shown, reverse=True)]

    def recommendations(self, user: int) -> list[int]:
        known = self._user(user)
        assert known.listed is None or known.finishes_since <= LENGTH
        return known.listed or []

    def _user(self, user: int) -> _User[T]:
        return self._users.get(user) or _User()


def _greatest(one: S | None, other: S | None) -> S | None:
    """The greater one; None only if both are."""
    return max((said for said in (one, other) if said is not None), default=None)


@dataclass(frozen=True, slots=True)
class StoredMovie:
    """A movie as the database must hold it."""

    title: str
    profile: tuple[int, ...]
    hidden: bool
    version: int


@dataclass(slots=True)
class InventoryModel:
    """The inventory, and what must be on the queue of its changes."""

    movies: dict[int, StoredMovie] = field(default_factory=dict)
    # by movie and version: the action, and title and profile unless the action is "deleted"
    changes: dict[tuple[int, int], tuple[str, tuple[str, tuple[int, ...]] | None]] = field(
        default_factory=dict
    )

    # by movie, deleted ones included: what views are counted with; a movie that is viewed keeps its profile
    profiles_of_views: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def add(self, movie: int, title: str, profile: tuple[int, ...]) -> None:
        """Adds a movie under an id that was never used."""
        self.profiles_of_views[movie] = profile
        self._store(movie, "added", StoredMovie(title, profile, False, 1))

    def change(self, movie: int, **fields: Any) -> None:
        """Changes title, profile or hidden; nothing, if they are so already."""
        old = self.movies[movie]
        new = replace(old, version=old.version + 1, **fields)
        if (new.title, new.profile, new.hidden) != (old.title, old.profile, old.hidden):
            action = "deleted" if new.hidden else "added" if old.hidden else "updated"
            self._store(movie, action, new)

    def delete(self, movie: int) -> None:
        self.changes[movie, self.movies.pop(movie).version + 1] = ("deleted", None)

    def _store(self, movie: int, action: str, new: StoredMovie) -> None:
        self.movies[movie] = new
        announced = None if action == "deleted" else (new.title, new.profile)
        self.changes[movie, new.version] = (action, announced)
