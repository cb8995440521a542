"""The contract's rules for sessions and recommendations, as plainly as can be; nothing of the service's code.

It is told everything in the order of sending, and the service must come to the same in any order of arrival
while at most 20 movies are in progress a user and at most 20 finishes follow a user's last list.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

Order = tuple[datetime, datetime]  # when it counts as watched; among times ahead of one sending, as stated


@dataclass
class Model:
    """Every event and list that was sent, and what must come of it."""

    movies: set[int]
    finished: dict[tuple[int, int], dict[datetime, Order]] = field(default_factory=lambda: defaultdict(dict))
    progress: dict[tuple[int, int], set[tuple[Order, float]]] = field(
        default_factory=lambda: defaultdict(set)
    )
    lists: dict[int, list[int]] = field(default_factory=dict)  # the one sent last, as it is by now
    finishes_since: Counter[int] = field(default_factory=Counter)  # that list, by user

    def watched(self, user: int, movie: int, progress: float, at: datetime, sent: datetime) -> None:
        """At a time as stated, which may lie ahead: then it is no later than what is sent later."""
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
        """Best first: without repetitions and movies that do not exist, 20 at most."""
        self.lists[user] = [movie for movie in dict.fromkeys(movies) if movie in self.movies][:20]
        self.finishes_since[user] = 0

    def users(self) -> set[int]:
        return {user for user, _ in (*self.finished, *self.progress)} | set(self.lists)

    def views(self) -> dict[int, int]:
        """By movie: how often users finished it."""
        views: Counter[int] = Counter()
        for (_, movie), times in self.finished.items():
            views[movie] += len(times)
        return dict(views)

    def currently_watching(self, user: int) -> list[tuple[int, float, datetime]]:
        """Movie, progress, when it counts as watched; most recent first."""
        shown = []
        for (who, movie), told in self.progress.items():
            order, progress = max(told)
            if who == user and all(order > finish for finish in self.finished[user, movie].values()):
                shown.append((order, movie, progress))
        assert len(shown) <= 20
        return [(movie, progress, order[0]) for order, movie, progress in sorted(shown, reverse=True)]

    def recommendations(self, user: int) -> list[int]:
        assert user not in self.lists or self.finishes_since[user] <= 20
        return self.lists.get(user, [])
