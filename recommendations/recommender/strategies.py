"""Strategies of recommending: each fills a row of 16 numbers for every movie and for every user.

A movie's score for a user is the sum of the 16 products, added in the order of the columns; the highest is the best.
Columns 0..14 are the genres, column 15 is what a movie has for everybody alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from movies.genres import GENRES
from movies.profiles import TOTAL
from recommendations.recommender.catalog import Catalog, Positions
from recommendations.recommender.taste import Taste, sum_in_order

WIDTH = len(GENRES) + 1
COMMON = len(GENRES)  # the column of what a movie has for everybody alike

Matrix = NDArray[np.float64]  # a row of WIDTH numbers a movie, stored column by column
Row = NDArray[np.float64]  # the WIDTH numbers of one user, or of one movie
ALL = slice(None)  # positions of all movies


class MatrixOf(Protocol):
    """Fills the rows of those of the catalog's movies, which are the same numbers whichever movies are asked for."""

    def __call__(self, catalog: Catalog, exponent: float, movies: Positions | slice = ALL) -> Matrix: ...


@dataclass(frozen=True, slots=True)
class Strategy:
    """What makes one strategy.

    `matrix` takes the catalog, the exponent on popularity, and the movies. `row` takes a user's taste and the
    population's. `terms` takes a user's row, a movie's row and the movie's weights, and returns 15 numbers that
    explain the score.
    `alpha` and `shrinkage` of the taste are those of the settings, unless the strategy has its own.
    """

    name: str
    matrix: MatrixOf
    row: Callable[[Taste, Taste], Row]
    terms: Callable[[Row, Row, NDArray[np.uint8]], Taste]
    alpha: float | None = None
    shrinkage: float | None = None

    def taste_parameters(self, alpha: float, shrinkage: float) -> tuple[float, float]:
        """Alpha and shrinkage of tastes: the strategy's own where it has them, else these."""
        return (
            alpha if self.alpha is None else self.alpha,
            shrinkage if self.shrinkage is None else self.shrinkage,
        )


def popular_matrix(catalog: Catalog, exponent: float, movies: Positions | slice = ALL) -> Matrix:
    """Column 15 alone: the movie's share of all recent views. No exponent could change their order."""
    strength = catalog.strength(1.0)
    total = sum_in_order(strength)
    matrix = np.zeros((WIDTH, len(strength[movies])))
    if total > 0:
        np.divide(strength[movies], total, out=matrix[COMMON])
    return matrix.T


def popular_row(taste: Taste, population: Taste) -> Row:
    row = np.zeros(WIDTH)
    row[COMMON] = 1.0
    return row


def mixture_matrix(catalog: Catalog, exponent: float, movies: Positions | slice = ALL) -> Matrix:
    """Column g: the share of genre g's recent views ** exponent x weight that the movie has."""
    matrix = popular_matrix(catalog, exponent, movies).T
    strength = catalog.strength(exponent)[movies]
    for genre, total in enumerate(catalog.genre_totals(exponent)):
        if total > 0:
            np.divide(strength * catalog.profiles[movies, genre], total, out=matrix[genre])
    return matrix.T


def mixture_row(taste: Taste, population: Taste) -> Row:
    """The taste; a user without history gets the row of `popular`.

    At exponent 1 the population's taste leads to the same scores but for rounding. Rounding must not decide between
    movies with equal views, so the row says it exactly.
    """
    if np.array_equal(taste, population):
        return popular_row(taste, population)
    return np.append(taste, 0.0)


def shares_of_score(user: Row, movie: Row, weights: NDArray[np.uint8]) -> Taste:
    """The products of the genres; what the movie has for everybody is split by its weights. They sum to the score."""
    products = user * movie
    return products[:COMMON] + products[COMMON] * weights / TOTAL


def euclid_matrix(catalog: Catalog, exponent: float, movies: Positions | slice = ALL) -> Matrix:
    """2p and -|p|^2: with the user's (u, 1) they make -|u - p|^2 + |u|^2, and |u|^2 is the same for all movies."""
    profiles = catalog.profiles[movies]
    matrix = np.empty((WIDTH, len(profiles)))
    np.divide(profiles.T, TOTAL, out=matrix[:COMMON])
    matrix[COMMON] = 0.0
    for column in matrix[:COMMON]:
        matrix[COMMON] -= column * column
    matrix[:COMMON] *= 2
    return matrix.T


def euclid_row(taste: Taste, population: Taste) -> Row:
    return np.append(taste, 1.0)


def shares_in_common(user: Row, movie: Row, weights: NDArray[np.uint8]) -> Taste:
    """What taste and profile have in common, genre by genre: 1 in sum where they are equal.

    A distance has no terms that speak for a movie; these do.
    """
    return np.minimum(user[:COMMON], weights / TOTAL)


# Alpha 0.3 is what the sister services document for euclid. They do not shrink: on MovieLens 100K that hits 5.8%, and
# shrunk 4.5% (no limit by profile), because shrinking draws every user to the movies near the population's taste.
STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        one.name: one
        for one in (
            Strategy("mixture", mixture_matrix, mixture_row, shares_of_score),
            Strategy("euclid", euclid_matrix, euclid_row, shares_in_common, alpha=0.3, shrinkage=0.0),
            Strategy("popular", popular_matrix, popular_row, shares_of_score),
        )
    }
)
