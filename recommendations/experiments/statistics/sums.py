"""What the statistics need of an arm: numbers of users, sums and sums of products.

Fields are numbers, or arrays of the same shape: then everything that is computed from them is an array, too, for
example with one entry for each look at an experiment.

Sums of whole numbers are exact up to 2^53. A variance is (n x squares - total^2) / (n (n - 1)); both products are
computed with twice the digits of a float, so the difference is as exact as the sums are, however large the mean is
beside the deviation.
"""

from dataclasses import dataclass, fields
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Figure: TypeAlias = float | NDArray[np.float64]

SPLITTER = 2.0**27 + 1  # cuts the 53 bits of a float in two halves, whose products are exact


@dataclass(frozen=True, slots=True)
class Sums:
    """Of n users with an outcome y each, and x, which is known of them before they were exposed."""

    n: ArrayLike
    total: ArrayLike  # of y
    squares: ArrayLike  # of y^2
    before: ArrayLike = 0.0  # of x
    before_squares: ArrayLike = 0.0  # of x^2
    cross: ArrayLike = 0.0  # of x y

    @classmethod
    def of(cls, y: ArrayLike, x: ArrayLike | None = None) -> Self:
        """The sums of these users."""
        y = np.asarray(y, dtype=np.float64)
        x = np.zeros_like(y) if x is None else np.asarray(x, dtype=np.float64)
        return cls(y.size, y.sum(), (y * y).sum(), x.sum(), (x * x).sum(), (x * y).sum())

    def __add__(self, other: "Sums") -> "Sums":
        """The sums of both arms' users together."""
        return Sums(*(np.add(getattr(self, one.name), getattr(other, one.name)) for one in fields(Sums)))

    @property
    def mean(self) -> Figure:
        """The mean of y; NaN without users."""
        return quotient(self.total, self.n)

    @property
    def mean_before(self) -> Figure:
        """The mean of x; NaN without users."""
        return quotient(self.before, self.n)

    @property
    def variance(self) -> Figure:
        """The variance of y with n - 1; NaN below 2 users."""
        return np.maximum(covariance(self.n, self.total, self.total, self.squares), 0.0)

    @property
    def variance_before(self) -> Figure:
        """The variance of x with n - 1; NaN below 2 users."""
        return np.maximum(covariance(self.n, self.before, self.before, self.before_squares), 0.0)

    @property
    def covariance(self) -> Figure:
        """The covariance of x and y with n - 1; NaN below 2 users."""
        return covariance(self.n, self.before, self.total, self.cross)


@dataclass(frozen=True, slots=True)
class RatioSums:
    """Of n users with a numerator and a denominator each, whose ratio of sums is the metric."""

    n: ArrayLike
    num: ArrayLike
    num2: ArrayLike  # sum of num^2
    den: ArrayLike
    den2: ArrayLike  # sum of den^2
    cross: ArrayLike  # sum of num x den

    @classmethod
    def of(cls, num: ArrayLike, den: ArrayLike) -> Self:
        """The sums of these users."""
        num, den = np.asarray(num, dtype=np.float64), np.asarray(den, dtype=np.float64)
        return cls(num.size, num.sum(), (num * num).sum(), den.sum(), (den * den).sum(), (num * den).sum())

    @property
    def ratio(self) -> Figure:
        """The sum of the numerators over the sum of the denominators; NaN if that is 0."""
        return quotient(self.num, self.den)


def covariance(n: ArrayLike, first: ArrayLike, second: ArrayLike, products: ArrayLike) -> Figure:
    """The covariance with n - 1 from sums and the sum of products; NaN below 2 users."""
    n = np.asarray(n, dtype=np.float64)
    enough = np.where(n >= 2, n, np.nan)
    return difference_of_products(n, products, first, second) / (enough * (enough - 1))


def quotient(numerator: ArrayLike, denominator: ArrayLike) -> Figure:
    """The quotient; NaN where the denominator is 0."""
    denominator = np.asarray(denominator, dtype=np.float64)
    return np.asarray(numerator, dtype=np.float64) / np.where(denominator == 0, np.nan, denominator)


def difference_of_products(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> NDArray[np.float64]:
    """a b - c d with the rounding errors of both products added again (Dekker 1971)."""
    first, first_error = _product(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    second, second_error = _product(np.asarray(c, dtype=np.float64), np.asarray(d, dtype=np.float64))
    return (first - second) + (first_error - second_error)


def _product(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rounded product and its error, which together are the product, for numbers below 10^300."""
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def _halves(number: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scaled = SPLITTER * number
    high = scaled - (scaled - number)
    return high, number - high
