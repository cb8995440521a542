"""A reference model of the contract's rules for sessions and recommendations, independent of the service's code.

It gets all messages in the order of sending. In any order of arrival the service must come to the same result,
as long as a user has at most 20 movies in progress and at most 20 finishes after the last list.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

Order = tuple[datetime, datetime]  # when it counts as watched; the stated time decides between times ahead


@dataclass
class Model:
    """Every event and list that was sent, and the result."""

    movies: set[int]
    finished: dict[tuple[int, int], dict[datetime, Order]] = field(default_factory=lambda: defaultdict(dict))
    progress: dict[tuple[int, int], set[tuple[Order, float]]] = field(
        default_factory=lambda: defaultdict(set)
    )
    lists: dict[int, list[int]] = field(
        default_factory=dict
    )  # the list sent last, without movies finished since
    finishes_since: Counter[int] = field(default_factory=Counter)  # that list, by user

    def watched(self, user: int, movie: int, progress: float, at: datetime, sent: datetime) -> None:
        """Adds an event. If the stated time is ahead of the sending, it is ordered by the sending."""
        if movie not in self.movies:
            return
        order = (min(at, sent), at)
        if progress < 1:
            self.progress[user, movie].add((order, progress))
        elif at not in self.finished[user, movie]:
            self.finished[user, movie][at] = order
            self.finishes_since[user] += 1
            if movie in self.lists.get(user, ()):
                self.lists[user].remove(movie)

    def recommended(self, user: int, movies: list[int]) -> None:
        """Adds a list: without repetitions and movies that do not exist, 20 at most."""
        self.lists[user] = [movie for movie in dict.fromkeys(movies) if movie in self.movies][:20]
        self.finishes_since[user] = 0

    def users(self) -> set[int]:
        return {user for user, _ in (*self.finished, *self.progress)} | set(self.lists)

    def views(self) -> dict[int, int]:
        """The number of finishes by movie."""
        views: Counter[int] = Counter()
        for (_, movie), times in self.finished.items():
            views[movie] += len(times)
        return dict(views)

    def currently_watching(self, user: int) -> list[tuple[int, float, datetime]]:
        """Movie, progress, when it counts as watched; most recent first."""
        shown = []
        for (who, movie), reported in self.progress.items():
            order, progress = max(reported)
            if who == user and all(order > finish for finish in self.finished[user, movie].values()):
                shown.append((order, movie, progress))
        assert len(shown) <= 20
        return [(movie, progress, order[0]) for order, movie, progress in sorted(shown, reverse=True)]

    def recommendations(self, user: int) -> list[int]:
        assert user not in self.lists or self.finishes_since[user] <= 20
        return self.lists.get(user, [])
