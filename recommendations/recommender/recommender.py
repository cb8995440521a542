"""The recommender of a process: a snapshot of the inventory, one strategy, and the lists that they lead to."""

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from django.conf import settings

from movies.profiles import TOTAL
from recommendations.lists import MAX_LIST_LENGTH
from recommendations.recommender import snapshot
from recommendations.recommender.catalog import Positions
from recommendations.recommender.engine import Engine
from recommendations.recommender.records import Record
from recommendations.recommender.snapshot import Snapshot
from recommendations.recommender.strategies import STRATEGIES, Matrix, Row, Strategy
from recommendations.recommender.taste import Taste, modelled

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

    def matrix(self) -> Matrix:
        """The strategy's numbers for each movie, computed at each call, because the engine has a copy of its own."""
        return self.strategy.matrix(self.snapshot.catalog, self.exponent)

    def taste(self, record: Record) -> Taste:
        """The user's modelled taste. Finished movies that do not exist any more do not count."""
        alpha, shrinkage = self.strategy.taste_parameters(settings.TASTE_ALPHA, settings.TASTE_SHRINKAGE)
        return modelled(
            self.snapshot.profiles_of(record.finished),
            given=None if record.given is None else np.array(record.given) / TOTAL,
            population=self.population,
            alpha=alpha,
            shrinkage=shrinkage,
        )

    def row(self, record: Record) -> Row:
        """The 16 numbers by which the strategy scores movies for the user."""
        return self.strategy.row(self.taste(record), self.population)

    def excluded(self, record: Record, gone: Collection[int] = ()) -> Positions:
        """Positions of the movies that may not be recommended to the user, `gone` ones included."""
        return self.snapshot.catalog.positions(sorted(record.unwanted.union(gone)))

    def lists(self, records: Sequence[Record], gone: Collection[int]) -> list[list[int]]:
        """The best movies for each record, best first. `gone` are movies that no list may hold."""
        rows = np.array([self.row(record) for record in records])
        excluded = [self.excluded(record, gone) for record in records]
        best = self.engine.top(rows, excluded, k=MAX_LIST_LENGTH)
        ids = self.snapshot.catalog.ids
        return [ids[positions].tolist() for positions in best]


def own_strategy() -> str:
    """The name of the strategy that RECOMMENDER chooses; of the default one where it is off."""
    return settings.RECOMMENDER if settings.RECOMMENDER in STRATEGIES else DEFAULT


def make(loaded: Snapshot, strategy: str) -> Recommender:
    """A recommender over the snapshot by the strategy of the name."""
    return Recommender(loaded, STRATEGIES[strategy], settings.POPULARITY_EXPONENT)


@functools.lru_cache(maxsize=1)
def _kept(loaded: Snapshot, name: str, exponent: float) -> Recommender:
    """The recommender of the last snapshot; other settings are other arguments."""
    return make(loaded, name)


def make_lists(records: Mapping[int, Record]) -> tuple[str, dict[int, list[int]]]:
    """The strategy's name, and the list of each user whose record says something."""
    wanted = {user_id: record for user_id, record in records.items() if record.says_something}
    loaded, gone = snapshot.current({movie for record in wanted.values() for movie in record.finished})
    recommender = _kept(loaded, own_strategy(), settings.POPULARITY_EXPONENT)
    made = recommender.lists(list(wanted.values()), gone) if wanted else []
    return recommender.strategy.name, dict(zip(wanted, made, strict=True))
