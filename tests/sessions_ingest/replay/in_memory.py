"""An evaluator that reads the files alone, in plain Python: what the replay and its evaluation must come to.

It shares no code with the service. It repeats the rules of docs/replay.md and recommending in their plainest form.
"""

import csv
import math
import random
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

ALPHA, SHRINKAGE, HALF_LIFE = 0.1, 20, 90  # defaults of the service
EUCLID_ALPHA = 0.3  # as the sister services document it, without shrinkage
LENGTH, PER_PROFILE, KEPT, FIRST = 20, 3, 50, 5
ORDER = (
    "action", "animation", "comedy", "documentary", "drama", "family", "fantasy", "international", "horror",
    "musical", "mystery", "romance", "sci_fi", "thriller", "western",
)  # fmt: skip
SAME = {
    "Adventure": "action", "Children": "family", "Crime": "thriller", "Film-Noir": "mystery", "Sci-Fi": "sci_fi",
    "War": "drama", "IMAX": "", "(no genres listed)": "",
}  # fmt: skip

Weights = tuple[int, ...]
Taste = list[float]


def read(ratings: Path, movies: Path) -> tuple[list[tuple[int, int, int]], dict[int, Weights]]:
    """Finishes as (time, movie, user), sorted, and the weights of each movie."""
    with movies.open() as file:
        weights = {int(row["movieId"]): weights_of(row["genres"]) for row in csv.DictReader(file)}
    with ratings.open() as file:
        finishes = sorted(
            (int(row["timestamp"]), int(row["movieId"]), int(row["userId"])) for row in csv.DictReader(file)
        )
    return finishes, weights


def weights_of(genres: str) -> Weights:
    ours = {SAME.get(name, name.lower()) for name in genres.split("|")} - {""} or set(ORDER)
    weights = [0] * len(ORDER)
    left = 100
    while left:  # one each in turn
        for place, genre in enumerate(ORDER):
            if genre in ours and left:
                weights[place] += 1
                left -= 1
    return tuple(weights)


class Evaluator:
    """Walks through the finishes; `places[strategy]` gets the place of each measured one, 0 if it is not listed."""

    def __init__(self, finishes: list[tuple[int, int, int]], weights: dict[int, Weights]) -> None:
        self.finishes, self.weights = finishes, weights
        self.recent: dict[int, int] = dict.fromkeys(sorted(weights), 0)
        self.past: dict[int, list[int]] = defaultdict(list)
        self.places: dict[str, list[int]] = defaultdict(list)
        self.listed: dict[str, set[int]] = defaultdict(set)
        self.users: list[int] = []
        self.random = random.Random(13)

    def run(self) -> None:
        for at, movie, user in self.finishes:
            if len(self.past[user]) >= FIRST:
                self.users.append(user)
                for name, movies in self.lists(user).items():
                    self.places[name].append(movies.index(movie) + 1 if movie in movies else 0)
                    self.listed[name].update(movies)
            self.past[user].append(movie)
            self.recent[movie] += weight_on(at // 86400)

    def lists(self, user: int) -> dict[str, list[int]]:
        """The lists of all strategies as of now."""
        most = max(1, *self.recent.values())
        views = {movie: sum_ * 2**40 // most for movie, sum_ in self.recent.items()}
        totals = [sum(views[m] * w[genre] for m, w in self.weights.items()) for genre in range(15)]
        everybody = [total / sum(totals) if any(totals) else 1 / 15 for total in totals]
        profiles = [[weight / 100 for weight in self.weights[movie]] for movie in self.past[user]]
        scores: dict[str, dict[int, float]] = {"popular": {movie: float(views[movie]) for movie in views}}
        for suffix in ("", "_fixed"):
            taste = self.taste(profiles, everybody, suffix, ALPHA, SHRINKAGE)
            scores[f"mixture{suffix}"] = {
                movie: added(
                    share * (views[movie] * weight / total if total else 0.0)
                    for share, weight, total in zip(taste, weights, totals, strict=True)
                )
                for movie, weights in self.weights.items()
            }
            taste = self.taste(profiles, everybody, suffix, EUCLID_ALPHA, 0)
            scores[f"euclid{suffix}"] = {
                movie: nearness(taste, weights) for movie, weights in self.weights.items()
            }
        lists = {name: self.best(user, score, views) for name, score in scores.items()}
        return lists | {"random": self.drawn(user)}

    def taste(
        self, profiles: list[Taste], everybody: Taste, suffix: str, alpha: float, shrinkage: int
    ) -> Taste:
        if suffix == "_fixed":
            mine = [added(column) / FIRST for column in zip(*profiles[:FIRST], strict=True)]
        else:
            mine = average(profiles[-KEPT:], alpha)
        finishes = min(len(profiles), KEPT)
        return [
            (finishes * own + shrinkage * theirs) / (finishes + shrinkage)
            for own, theirs in zip(mine, everybody, strict=True)
        ]

    def best(self, user: int, score: dict[int, float], views: dict[int, int]) -> list[int]:
        return self.limited(sorted(score, key=lambda movie: (-score[movie], -views[movie], movie)), user)

    def limited(self, order: list[int], user: int) -> list[int]:
        taken: list[int] = []
        for movie in order:
            alike = sum(self.weights[other] == self.weights[movie] for other in taken)
            if movie not in self.past[user] and alike < PER_PROFILE and len(taken) < LENGTH:
                taken.append(movie)
        return taken

    def drawn(self, user: int) -> list[int]:
        ids, order = sorted(self.weights), list[int]()
        while len(self.limited(order, user)) < LENGTH and len(order) < len(ids):
            movie = ids[int(self.random.random() * len(ids))]
            if movie not in order:
                order.append(movie)
        return self.limited(order, user)


def weight_on(day: int) -> int:
    """2^(days since 2000-01-01 / half-life), in units of 2^-64, from a power of 2 that is rounded to 32 bits."""
    halvings, rest = divmod(day - 10957, HALF_LIFE)
    return math.floor(round(2 ** (rest / HALF_LIFE + 32)) * Fraction(2) ** (halvings + 32))


def average(profiles: list[Taste], alpha: float) -> Taste:
    """The newest counts 1, each older one (1 - alpha) as much as the next."""
    weights = [1.0]
    while len(weights) < len(profiles):
        weights.insert(0, weights[0] * (1 - alpha))
    return [
        added(weight * share for weight, share in zip(weights, column, strict=True)) / added(weights)
        for column in zip(*profiles, strict=True)
    ]


def nearness(taste: Taste, weights: Weights) -> float:
    """-|taste - profile|^2 without -|taste|^2, which is the same for all movies: 2 taste x profile - |profile|^2.

    Distances are often equal but for rounding, so the form that is computed decides which movie comes first.
    """
    profile = [weight / 100 for weight in weights]
    return added(mine * (2 * share) for mine, share in zip(taste, profile, strict=True)) - added(
        share * share for share in profile
    )


def added(numbers: object) -> float:
    """The sum from first to last; `sum` is more exact from Python 3.12 on."""
    total = 0.0
    for number in numbers:  # type: ignore[attr-defined]
        total += number
    return total
