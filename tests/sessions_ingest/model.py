"""The contract's rules for sessions and recommendations, as plainly as can be; nothing of the service's code.

It looks at everything that was ever told, in no order, so it holds where the order of arrival does not
matter: at most 20 movies in progress a user, at most 20 in a list, and no movie both recommended and watched,
but for finishes later than every list.
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
    lists: dict[int, list[int]] = field(default_factory=dict)  # the one sent last

    def watched(self, user: int, movie: int, progress: float, at: datetime) -> None:
        if movie in self.movies:
            if progress == 1:
                self.finished[user, movie].add(at)
            else:
                self.progress[user, movie].add((at, progress))

    def recommended(self, user: int, movies: list[int]) -> None:
        self.lists[user] = movies

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
        """Best first: without repetitions, movies that do not exist and movies finished; 20 at most."""
        known = [movie for movie in dict.fromkeys(self.lists.get(user, ())) if movie in self.movies]
        return [movie for movie in known if (user, movie) not in self.finished][:20]
