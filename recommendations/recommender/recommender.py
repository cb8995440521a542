"""The recommender of a process: a snapshot of the inventory, one strategy, and the lists that they lead to."""

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from django.conf import settings
from django.db import connection

from movies.profiles import TOTAL
from movies.viewing.view_counting import existing
from recommendations.recommender import snapshot
from recommendations.recommender.catalog import Positions
from recommendations.recommender.engine import Engine
from recommendations.recommender.records import Record
from recommendations.recommender.snapshot import Snapshot
from recommendations.recommender.strategies import STRATEGIES, Row, Strategy
from recommendations.recommender.taste import Taste, modelled

MAX_CHANGES = (
    2_000  # of the inventory since the snapshot; after more, or a bulk load, it is loaded again at once
)
LOAD_PAUSE = 20  # a snapshot is used for so many times the seconds that it took to load: at most 5% of a core


@dataclass(frozen=True, eq=False)
class Recommender:
    """Immutable, so that several threads may use it."""

    snapshot: Snapshot
    strategy: Strategy
    exponent: float  # on popularity
    engine: Engine
    population: Taste

    @classmethod
    def of(cls, loaded: Snapshot, strategy: Strategy, exponent: float) -> Self:
        """The recommender that follows the strategy over the snapshot."""
        engine = Engine(loaded.catalog, strategy.matrix(loaded.catalog, exponent))
        return cls(loaded, strategy, exponent, engine, loaded.catalog.population(exponent))

    def taste(self, record: Record) -> Taste:
        """The user's modelled taste. Finished movies that do not exist any more do not count."""
        return modelled(
            self.snapshot.profiles_of(record.finished),
            given=None if record.given is None else np.array(record.given) / TOTAL,
            population=self.population,
            alpha=settings.TASTE_ALPHA,
            shrinkage=settings.TASTE_SHRINKAGE,
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
        best = self.engine.top(rows, [self.excluded(record, gone) for record in records])
        ids = self.snapshot.catalog.ids
        return [ids[positions].tolist() for positions in best]


_lock = threading.Lock()
_current: Recommender | None = None


def load() -> Recommender:
    """A recommender over the inventory as it is now, by the settings; with the default strategy if they say off."""
    strategy = STRATEGIES.get(settings.RECOMMENDER, STRATEGIES["mixture"])
    return Recommender.of(snapshot.load(), strategy, settings.POPULARITY_EXPONENT)


def current(finished: Collection[int] = ()) -> tuple[Recommender, set[int]]:
    """The recommender that this process keeps, and the movies in it that were hidden or deleted since.

    It is loaded again after LOAD_PAUSE, because views change popularity all the time; at once if the settings or many
    movies changed, or if it lacks one of the `finished` movies.
    """
    global _current  # noqa: PLW0603 - the threads of a process share it
    with _lock:
        version = _inventory_version()
        if _current is None or _is_outdated(_current, version, finished):
            _current = load()
            version = _inventory_version()
        return _current, _gone(_current.snapshot.version, version)


def _is_outdated(known: Recommender, version: int, finished: Collection[int]) -> bool:
    loaded = known.snapshot
    changes = version - loaded.version
    return (
        (known.strategy.name, known.exponent) != (settings.RECOMMENDER, settings.POPULARITY_EXPONENT)
        or time.monotonic() - loaded.loaded_at > LOAD_PAUSE * loaded.seconds
        or not 0 <= changes <= MAX_CHANGES
        or (changes > 0 and bool(existing(loaded.unknown(finished))))
    )


def _inventory_version() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM movies_inventory")
        return int(cursor.fetchone()[0])


def _gone(since: int, version: int) -> set[int]:
    """The movies changed after `since` that are hidden or deleted now."""
    if version == since:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT movie_id FROM movies_moviechange LEFT JOIN movies_movie ON movies_movie.id = movie_id
            WHERE movies_moviechange.id > %s AND (movies_movie.id IS NULL OR hidden)
            """,
            [since],
        )
        return {movie_id for (movie_id,) in cursor.fetchall()}


def make_lists(records: Mapping[int, Record]) -> tuple[str, dict[int, list[int]]]:
    """The strategy's name, and the list of each user whose record says something."""
    wanted = {user_id: record for user_id, record in records.items() if record.says_something}
    recommender, gone = current({movie for record in wanted.values() for movie in record.finished})
    made = recommender.lists(list(wanted.values()), gone) if wanted else []
    return recommender.strategy.name, dict(zip(wanted, made, strict=True))
