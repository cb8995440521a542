"""The contract's rules for sessions and recommendations, as plainly as can be; nothing of the service's code.

It is told everything in the order of sending, and the service must come to the same in any order of arrival
while at most 20 movies are in progress a user and at most 20 finishes follow a user's last list.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Model:
    """Every event and list that was sent, and what must come of it."""

    movies: set[int]
    finished: dict[tuple[int, int], set[datetime]] = field(default_factory=lambda: defaultdict(set))
    progress: dict[tuple[int, int], set[tuple[datetime, float]]] = field(
        default_factory=lambda: defaultdict(set)
    )
    lists: dict[int, list[int]] = field(default_factory=dict)  # the one sent last, as it is by now
    finishes_since: Counter[int] = field(default_factory=Counter)  # that list, by user

    def watched(self, user: int, movie: int, progress: float, at: datetime) -> None:
        if movie not in self.movies:
            return
        if progress < 1:
            self.progress[user, movie].add((at, progress))
        elif at not in self.finished[user, movie]:
            self.finished[user, movie].add(at)
            self.finishes_since[user] += 1
            if movie in self.lists.get(user, ()):
                self.lists[user].remove(movie)

    def recommended(self, user: int, movies: list[int], at: datetime) -> None:
        """Best first: without repetitions and movies that do not exist, 20 at most.

        Of these, a movie leaves whose finish was told already, but is of a time after the list's.
        """
        known = [movie for movie in dict.fromkeys(movies) if movie in self.movies][:20]
        self.lists[user] = [
            movie for movie in known if all(finish <= at for finish in self.finished.get((user, movie), ()))
        ]
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
        """Movie, progress, when; most recent first."""
        shown = []
        for (who, movie), told in self.progress.items():
            at, progress = max(told)
            if who == user and all(at > finish for finish in self.finished.get((user, movie), ())):
                shown.append((movie, progress, at))
        assert len(shown) <= 20
        return sorted(shown, key=lambda entry: (entry[2], entry[0]), reverse=True)

    def recommendations(self, user: int) -> list[int]:
        assert user not in self.lists or self.finishes_since[user] <= 20
        return self.lists.get(user, [])
