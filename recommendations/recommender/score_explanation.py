"""Explains own lists: what each movie's score is made of, and where any movie stands for a user, as of now."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from movies.genres import GENRES, label
from recommendations.lists import MAX_LIST_LENGTH
from recommendations.recommender import snapshot
from recommendations.recommender.arms import Kind
from recommendations.recommender.engine import MAX_PER_PROFILE
from recommendations.recommender.recommender import make
from recommendations.recommender.records import Record, records_of
from recommendations.recommender.snapshot import Current
from recommendations.recommender.taste import Taste, sum_in_order

SMALLEST_SHARE = 0.05  # of a score; what is smaller is summed as "other"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a movie stands for a user by a strategy."""

    place: int  # from 1, of all movies that the user may be recommended
    movies: int  # how many these are
    terms: str  # what the score is made of, as `words` says it
    listed: bool  # a list made now would hold it
    profile_taken: bool  # it would, if no better movies had the same profile


def words(terms: Taste) -> str:
    """The terms of a score in words: "62% sci-fi, 21% action, 17% other"."""
    total = float(terms.sum())
    if total <= 0:
        return "nothing in common"
    shares = terms / total
    order = np.argsort(-shares, kind="stable")
    named = [place for place in order.tolist() if shares[place] >= SMALLEST_SHARE]
    parts = [f"{shares[place]:.0%} {label(GENRES[place]).lower()}" for place in named]
    rest = 1 - float(shares[named].sum())
    if round(rest * 100):
        parts.append(f"{rest:.0%} other")
    return ", ".join(parts)


class Scores:
    """How a kind of list scores the movies for one user, as of now: what was read once answers all questions."""

    def __init__(
        self, user_id: int, made_by: str, *, record: Record | None = None, movies: Current | None = None
    ) -> None:
        """`made_by` is the name of the kind; record and movies are read unless given. Raises StoreUnavailable."""
        self._kind = Kind.named(made_by)
        self._record = record or records_of([user_id])[user_id]
        loaded, gone = movies or snapshot.current(self._record.finished)
        self._recommender = make(loaded, self._kind.strategy)
        self._unwanted = self._recommender.excluded(self._record, gone)
        self._row = self._recommender.row(self._record, by_fixed=self._kind.fixed)

    @property
    def name(self) -> str:
        """The name of the kind of list."""
        return self._kind.name

    @property
    def strategy(self) -> str:
        """The name of the strategy."""
        return self._kind.strategy

    @property
    def taste(self) -> Taste:
        """The user's taste that it goes by."""
        return self._recommender.taste(self._record, by_fixed=self._kind.fixed)

    def shares(self, movie_ids: Sequence[int]) -> dict[int, Taste]:
        """What the score of each visible one of the movies is made of: 15 terms, which `words` says in words."""
        catalog, terms = self._recommender.snapshot.catalog, self._recommender.strategy.terms
        positions = catalog.positions(movie_ids)
        rows = zip(self._recommender.matrix(positions), catalog.profiles[positions], strict=True)
        found = [terms(self._row, movie, weights) for movie, weights in rows]
        return dict(zip(catalog.ids[positions].tolist(), found, strict=True))

    def terms(self, movie_ids: Sequence[int]) -> dict[int, str]:
        """The same, in words."""
        return {movie_id: words(shares) for movie_id, shares in self.shares(movie_ids).items()}

    def better(self, movie_id: int, others: Sequence[int]) -> list[int]:
        """Those of the other visible movies whose score is higher than that of the movie, best first."""
        catalog = self._recommender.snapshot.catalog
        positions = catalog.positions([movie_id, *others])
        if not len(positions) or catalog.ids[positions[0]] != movie_id:
            return []
        scores = sum_in_order((self._row * self._recommender.matrix(positions)).T)
        order = np.argsort(-scores, kind="stable")
        return [int(catalog.ids[positions[n]]) for n in order.tolist() if scores[n] > scores[0]]

    def standing(self, movie_id: int) -> Standing | None:
        """Where the movie stands; None if it is not visible, or the user may not be recommended it."""
        catalog, engine = self._recommender.snapshot.catalog, self._recommender.engine
        found = catalog.positions([movie_id])
        if not len(found) or found[0] in self._unwanted:
            return None
        position, rows = int(found[0]), self._row[np.newaxis]
        best = engine.top(rows, [self._unwanted])[0]
        freely = engine.top(rows, [self._unwanted], per_profile=MAX_LIST_LENGTH)[0]
        return Standing(
            engine.place(self._row, self._unwanted, position),
            len(catalog) - len(self._unwanted),
            self.terms([movie_id])[movie_id],
            position in best,
            position in freely and position not in best,
        )

    def sentence(self, movie_id: int) -> str:
        """The standing in words."""
        name, standing = self.name, self.standing(movie_id)
        if standing is None:
            return (
                f"By the strategy {name} it has no place: only visible movies are recommended that the user has"
                " neither begun nor finished nor dismissed."
            )
        if standing.listed:
            verdict = "a list made now has it"
        elif standing.profile_taken:
            verdict = f"a list made now has {MAX_PER_PROFILE} better movies of the same profile instead"
        else:
            verdict = f"a list made now has the best {MAX_LIST_LENGTH}"
        place = (
            f"By the strategy {name} it is number {standing.place:,} of {standing.movies:,} movies as of now"
        )
        return f"{place}; {verdict}. Its score: {standing.terms}."
