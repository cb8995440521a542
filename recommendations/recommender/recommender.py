"""The recommender of a process: a snapshot of the inventory, one strategy, and the lists that they lead to."""

import functools
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from django.conf import settings

from movies.profiles import TOTAL
from recommendations.experiments import lifecycle
from recommendations.experiments.lifecycle import Running
from recommendations.lists import MAX_LIST_LENGTH
from recommendations.recommender import snapshot
from recommendations.recommender.arms import Kind, arms_for
from recommendations.recommender.catalog import Positions
from recommendations.recommender.engine import Engine
from recommendations.recommender.records import Record
from recommendations.recommender.snapshot import Current, Snapshot
from recommendations.recommender.strategies import ALL, STRATEGIES, Matrix, Row, Strategy
from recommendations.recommender.taste import Taste, fixed, modelled
from recommendations.user_lists import Trial

DEFAULT = "mixture"  # the strategy by which staff see scores where RECOMMENDER is off


@dataclass(frozen=True, eq=False)
class Recommender:
    """One strategy over one snapshot. Immutable, so that several threads may use it."""

    snapshot: Snapshot
    strategy: Strategy
    exponent: float  # on popularity

    @cached_property
    def population(self) -> Taste:
        """The taste of all viewers together."""
        return self.snapshot.catalog.population(self.exponent)

    @cached_property
    def engine(self) -> Engine:
        """It finds the best movies of the snapshot."""
        return Engine(self.snapshot.catalog, self.matrix())

    def matrix(self, movies: Positions | slice = ALL) -> Matrix:
        """The strategy's numbers for each of the movies, computed at each call: the engine has a copy of its own."""
        return self.strategy.matrix(self.snapshot.catalog, self.exponent, movies)

    def taste(self, record: Record, *, by_fixed: bool = False) -> Taste:
        """The user's modelled taste, or the one of the fixed preferences; the population's while there are none.

        Finished movies that do not exist any more do not count.
        """
        alpha, shrinkage = self.strategy.taste_parameters(settings.TASTE_ALPHA, settings.TASTE_SHRINKAGE)
        given = None if record.given is None else np.array(record.given) / TOTAL
        finished = self.snapshot.profiles_of(record.finished)
        if not by_fixed:
            return modelled(
                finished, given=given, population=self.population, alpha=alpha, shrinkage=shrinkage
            )
        first = [] if record.first is None else list(record.first.values())
        taste = fixed(
            np.array(first, dtype=np.float64).reshape(-1, len(self.population)) / TOTAL,
            given=given,
            population=self.population,
            shrinkage=shrinkage,
            finishes=len(finished),
        )
        return self.population if taste is None else taste

    def row(self, record: Record, *, by_fixed: bool = False) -> Row:
        """The 16 numbers by which the strategy scores movies for the user."""
        return self.strategy.row(self.taste(record, by_fixed=by_fixed), self.population)

    def excluded(self, record: Record, gone: Collection[int] = ()) -> Positions:
        """Positions of the movies that may not be recommended to the user, `gone` ones included."""
        return self.snapshot.catalog.positions(sorted(record.unwanted.union(gone)))

    def lists(self, rows: Sequence[Row], excluded: Sequence[Positions]) -> list[list[int]]:
        """The best movies for each row, best first, without those excluded."""
        best = self.engine.top(np.array(rows), excluded, k=MAX_LIST_LENGTH)
        ids = self.snapshot.catalog.ids
        return [ids[positions].tolist() for positions in best]


def own_strategy() -> str:
    """The name of the strategy that RECOMMENDER chooses; of the default one where it is off."""
    return settings.RECOMMENDER if settings.RECOMMENDER in STRATEGIES else DEFAULT


def make(loaded: Snapshot, strategy: str) -> Recommender:
    """A recommender over the snapshot by the strategy of the name."""
    return Recommender(loaded, STRATEGIES[strategy], settings.POPULARITY_EXPONENT)


@functools.lru_cache(maxsize=1)
def _kept(loaded: Snapshot, exponent: float) -> dict[str, Recommender]:
    """The recommenders over the last snapshot, by strategy, each from its first use."""
    return {}


def _recommender(loaded: Snapshot, strategy: str) -> Recommender:
    kept = _kept(loaded, settings.POPULARITY_EXPONENT)
    return kept.setdefault(strategy, make(loaded, strategy))


class Made(NamedTuple):
    """A list made for a user: by which kind, and what makes it part of an experiment."""

    made_by: str
    movie_ids: list[int]
    trial: Trial | None


def make_lists(records: Mapping[int, Record]) -> dict[int, Made]:
    """The list of each user whose record says something, and the other arm's for users of the running experiment."""
    wanted = {user_id: record for user_id, record in records.items() if record.says_something}
    movies = snapshot.current({movie for record in wanted.values() for movie in record.finished})
    return lists_over(movies, wanted, lifecycle.running())


def lists_over(movies: Current, records: Mapping[int, Record], running: Running | None) -> dict[int, Made]:
    """The lists of these users, of whom something is known, over the given movies, and for the experiment if any."""
    loaded, gone = movies
    usual = Kind(own_strategy())
    in_arms = arms_for(running, records)
    by_strategy: defaultdict[str, list[tuple[int, Kind]]] = defaultdict(list)
    for user_id in records:
        arm = in_arms.get(user_id)
        for kind in {arm.own, arm.other} if arm else {usual}:
            by_strategy[kind.strategy].append((user_id, kind))
    lists: dict[tuple[int, Kind], list[int]] = {}
    for strategy, asked in by_strategy.items():
        recommender = _recommender(loaded, strategy)
        rows = [recommender.row(records[user_id], by_fixed=kind.fixed) for user_id, kind in asked]
        excluded = [recommender.excluded(records[user_id], gone) for user_id, _ in asked]
        lists |= zip(asked, recommender.lists(rows, excluded), strict=True)
    made = {}
    for user_id in records:
        arm = in_arms.get(user_id)
        kind = arm.own if arm else usual
        trial = Trial(arm.experiment, arm.arm, tuple(lists[user_id, arm.other])) if arm else None
        made[user_id] = Made(kind.name, lists[user_id, kind], trial)
    return made
