"""Explains own lists: what each movie's score is made of, and where any movie stands for a user, as of now."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from movies.genres import GENRES, label
from recommendations.lists import MAX_LIST_LENGTH
from recommendations.recommender import snapshot
from recommendations.recommender.engine import MAX_PER_PROFILE
from recommendations.recommender.recommender import Recommender, make
from recommendations.recommender.records import Record, records_of
from recommendations.recommender.taste import Taste

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
    """The terms of a score in words: "62% science fiction, 21% action, 17% other"."""
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


def explain_list(user_id: int, movie_ids: Sequence[int], strategy: str) -> tuple[Taste, dict[int, str]]:
    """The user's taste, and for each visible movie what its score by the strategy is made of.

    Raises StoreUnavailable.
    """
    recommender, record, _ = _by(user_id, strategy)
    return recommender.taste(record), _terms(recommender, record, movie_ids)


def standing(user_id: int, movie_id: int, strategy: str) -> Standing | None:
    """Where the movie stands for the user; None if it is not visible, or the user may not be recommended it.

    Raises StoreUnavailable.
    """
    recommender, record, gone = _by(user_id, strategy)
    catalog = recommender.snapshot.catalog
    unwanted = recommender.excluded(record, gone)
    found = catalog.positions([movie_id])
    if not len(found) or found[0] in unwanted:
        return None
    position = int(found[0])
    row = recommender.row(record)
    best = recommender.engine.top(row[np.newaxis], [unwanted])[0]
    freely = recommender.engine.top(row[np.newaxis], [unwanted], per_profile=MAX_LIST_LENGTH)[0]
    return Standing(
        recommender.engine.place(row, unwanted, position),
        len(catalog) - len(unwanted),
        _terms(recommender, record, [movie_id])[movie_id],
        position in best,
        position in freely and position not in best,
    )


def sentence(standing: Standing | None, strategy: str) -> str:
    """The standing in words."""
    if standing is None:
        return (
            f"By the strategy {strategy} it has no place: only visible movies are recommended that the user has"
            " neither begun nor finished nor dismissed."
        )
    place = (
        f"By the strategy {strategy} it is number {standing.place:,} of {standing.movies:,} movies as of now"
    )
    if standing.listed:
        verdict = "a list made now has it"
    elif standing.profile_taken:
        verdict = f"a list made now has {MAX_PER_PROFILE} better movies of the same profile instead"
    else:
        verdict = f"a list made now has the best {MAX_LIST_LENGTH}"
    return f"{place}; {verdict}. Its score: {standing.terms}."


def _by(user_id: int, strategy: str) -> tuple[Recommender, Record, set[int]]:
    record = records_of([user_id])[user_id]
    loaded, gone = snapshot.current(record.finished)
    return make(loaded, strategy), record, gone


def _terms(recommender: Recommender, record: Record, movie_ids: Sequence[int]) -> dict[int, str]:
    catalog, row = recommender.snapshot.catalog, recommender.row(record)
    positions = catalog.positions(movie_ids)
    matrix = recommender.matrix()
    return {
        int(catalog.ids[position]): words(
            recommender.strategy.terms(row, matrix[position], catalog.profiles[position])
        )
        for position in positions.tolist()
    }
