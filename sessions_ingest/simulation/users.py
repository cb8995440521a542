"""A simulated user: tastes, choices, and what the service must show at the end."""

import random
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from movies.genres import GENRES
from sessions_ingest.simulation.client import Movie

# movies in a list, as the API promises; not imported, because the simulation knows the service by HTTP and SQS alone
MAX_LIST_LENGTH = 20
TASTES = 3  # genres that a user likes
RATING_USERS = 20  # one of so many users rates what they watch
MAX_IN_PROGRESS = 17  # movies; a user with so many only resumes them, so that none drops out of a full list


@dataclass(slots=True)
class SimulatedUser:
    """One user. `base` is as first shown; all events of this run are newer."""

    id: int
    base: dict[int, float]  # currently watching when first seen: progress by movie, most recent first
    recommended: list[int] = field(default_factory=list)  # as shown before the latest session
    # Sent by the simulated Recommendations service in this run. The service keeps it for days; without one the list
    # is made by the service, which may change it at any moment.
    bus_list: list[int] = field(default_factory=list)
    watched: dict[int, tuple[datetime, float]] = field(default_factory=dict)  # in this run
    finished: dict[int, datetime] = field(default_factory=dict)
    reported: bool = False  # a message was sent about the user
    busy_until: float = 0.0  # until a new list has arrived: the result of events before that is ambiguous

    @property
    def rates(self) -> bool:
        """Whether the user rates movies: always the same for an id."""
        return random.Random(self.id).randrange(RATING_USERS) == 0

    def watching(self) -> list[tuple[int, float]]:
        """Movie and progress, most recent first."""
        ours = sorted(self.watched.items(), key=lambda entry: (entry[1][0], entry[0]), reverse=True)
        first = [(movie, progress) for movie, (_, progress) in ours]
        rest = [(m, p) for m, p in self.base.items() if m not in self.watched and m not in self.finished]
        return (first + rest)[:MAX_LIST_LENGTH]

    def left_of_bus_list(self) -> list[int]:
        """Ids, best first."""
        touched = self.touched()
        return [movie for movie in self.bus_list if movie not in touched]

    def touched(self) -> set[int]:
        """Movies that the user finished or is watching: they are in no recommendations.

        A new list from the bus must not name them, because whether they are shown depends on the order of arrival.
        """
        return set(self.base) | set(self.watched) | set(self.finished)

    def watches(self, movie: int, progress: float, at: datetime) -> None:
        """Records how far the user got in a movie."""
        if progress >= settings.FINISHED_MARK:
            self.watched.pop(movie, None)
            self.finished[movie] = at
        else:
            self.watched[movie] = (at, progress)

    def likes(self, movie: Movie) -> float:
        """How well a movie suits the user's taste: TASTES genres, always the same for an id."""
        favourites = random.Random(self.id).sample(range(len(GENRES)), TASTES)
        weights = list(movie["profile"].values())
        return 1 + sum(weights[genre] for genre in favourites)

    def chooses(self, random_: random.Random, movies: list[Movie]) -> tuple[int, float]:
        """The next movie and its progress; (0, 0.0) if there is none."""
        watching = dict(self.watching())
        new = [movie for movie in movies if movie["id"] not in watching and movie["id"] not in self.finished]
        if watching and (len(watching) >= MAX_IN_PROGRESS or random_.random() < 0.5 or not new):
            movie, progress = random_.choice(list(watching.items()))
            return movie, min(1.0, round(progress + random_.uniform(0.05, 0.6), 2))
        if not new:
            return 0, 0.0
        movie = random_.choices(new, [self.likes(movie) for movie in new])[0]["id"]
        return movie, random_.choice([1.0, round(random_.uniform(0.05, 0.95), 2)])
