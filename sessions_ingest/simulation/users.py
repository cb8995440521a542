"""The users that are played: what they like, what they do, and what the service must show them at the end."""

import random
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from movies.genres import GENRES
from sessions_ingest.simulation.client import Movie

LONGEST = 20  # movies in a list
MOST_WATCHED = 17  # movies in progress before a user only resumes: nothing falls off the end of a full list


@dataclass(slots=True)
class PlayedUser:
    """One user. `base` and `recommended` are as first shown; events of this run are newer than all of it."""

    id: int
    recommended: list[
        int
    ]  # empty while only popular movies are shown: no list of their own, or none that is known
    base: dict[int, float]  # being watched when first seen: movie, progress; most recent first
    watched: dict[int, tuple[datetime, float]] = field(default_factory=dict)  # in this run
    finished: dict[int, datetime] = field(default_factory=dict)
    mentioned: bool = False  # something was sent about the user
    busy_until: float = 0.0  # a new list is on its way: what happens before it is there would be ambiguous

    def watching(self) -> list[tuple[int, float]]:
        """Movie and progress, most recent first."""
        ours = sorted(self.watched.items(), key=lambda entry: (entry[1][0], entry[0]), reverse=True)
        first = [(movie, progress) for movie, (_, progress) in ours]
        rest = [(m, p) for m, p in self.base.items() if m not in self.watched and m not in self.finished]
        return (first + rest)[:LONGEST]

    def recommendations(self) -> list[int]:
        """Ids, best first."""
        shown = {movie for movie, _ in self.watching()}
        return [movie for movie in self.recommended if movie not in shown and movie not in self.finished]

    def touched(self) -> set[int]:
        """Movies that a new list must not name: whether they are shown would depend on who comes first."""
        return set(self.base) | set(self.watched) | set(self.finished)

    def watches(self, movie: int, progress: float, at: datetime) -> None:
        """The user got this far in a movie."""
        if progress >= settings.FINISHED_MARK:
            self.watched.pop(movie, None)
            self.finished[movie] = at
        else:
            self.watched[movie] = (at, progress)

    def likes(self, movie: Movie) -> float:
        """How much a movie suits the user's taste: three genres, always the same for an id."""
        favourites = random.Random(self.id).sample(range(len(GENRES)), 3)
        weights = list(movie["profile"].values())
        return 1 + sum(weights[genre] for genre in favourites)

    def chooses(self, random_: random.Random, movies: list[Movie]) -> tuple[int, float]:
        """What the user watches next, and how far: (movie, progress)."""
        watching = dict(self.watching())
        new = [movie for movie in movies if movie["id"] not in watching and movie["id"] not in self.finished]
        if watching and (len(watching) >= MOST_WATCHED or random_.random() < 0.5 or not new):
            movie, progress = random_.choice(list(watching.items()))
            return movie, min(1.0, round(progress + random_.uniform(0.05, 0.6), 2))
        if not new:
            return 0, 0.0
        movie = random_.choices(new, [self.likes(movie) for movie in new])[0]["id"]
        return movie, random_.choice([1.0, round(random_.uniform(0.05, 0.95), 2)])
