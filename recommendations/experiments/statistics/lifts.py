"""Lifts: how much larger an arm's mean is than control's, relative to it, with intervals valid at every look.

All are computed on the logarithm of the ratio, whose variance is that of the delta method, and returned as
ratio - 1: so no interval reaches below -100%.

`lift`, `adjusted_lift` and `ratio_lift` return an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha,
Kennedy, Ramdas: "Time-uniform central limit theory and asymptotic confidence sequences", 2021, theorem 2.2): with
the probability 1 - alpha the intervals of all looks hold the true lift, so anybody may look as often as they like and
stop when they like. `welch` is the interval for a single look, for comparison.

Nothing is known where an arm has less than 2 users, where a mean is not above 0, where all users of both arms are
alike, and where the interval would exceed e^300: then it is from -infinity to infinity, without a warning. The value
is NaN if control's mean is not above 0.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recommendations.experiments.statistics.sums import Figure, RatioSums, Sums, covariance, quotient

ALPHA = 0.05  # at most this share of experiments without any difference may show one
MAX_EXPONENT = 300.0  # e^300 may be multiplied by itself without becoming infinite
MIN_USERS = 100  # in each arm: with fewer the deviation is estimated too badly for any interval
MIN_DAYS = 7  # before a verdict: users of one weekday are not the users of another


@dataclass(frozen=True, slots=True)
class Estimate:
    """A lift (0.1 is 10% more than control) and its interval; arrays if the sums were arrays."""

    value: Figure
    low: Figure
    high: Figure

    @property
    def known(self) -> bool | NDArray[np.bool_]:
        """Whether there is an interval."""
        known = np.isfinite(self.low) & np.isfinite(self.high)
        return known if isinstance(known, np.ndarray) else bool(known)


def lift(control: Sums, arm: Sums, *, planned: float, alpha: float = ALPHA) -> Estimate:
    """The lift of the mean of y.

    The interval is narrowest, beside its deviation, when both arms together have `planned` users.
    """
    return _estimate(*_means(control, arm), _factor(control.n, arm.n, planned, alpha))


def adjusted_lift(control: Sums, arm: Sums, *, planned: float, alpha: float = ALPHA) -> Estimate:
    """The lift with what x explains of y taken out (CUPED: Deng, Xu, Kohavi, Walker 2013).

    The slope is that of y on x over the users of both arms. Without any difference in x it is the plain lift.
    """
    pooled = control + arm
    slope = np.nan_to_num(quotient(pooled.covariance, pooled.variance_before))
    means, variances = [], []
    for sums in (control, arm):
        adjusted = sums.mean - slope * (sums.mean_before - pooled.mean_before)
        means.append(np.where(np.greater(sums.mean, 0), adjusted, 0.0))
        residual = sums.variance + slope * (slope * sums.variance_before - 2 * sums.covariance)
        variances.append(quotient(_beyond_rounding(residual, sums.variance), sums.n))
    return _estimate(*_ratio(*means, *variances), _factor(control.n, arm.n, planned, alpha))


def ratio_lift(control: RatioSums, arm: RatioSums, *, planned: float, alpha: float = ALPHA) -> Estimate:
    """The lift of a ratio of sums over users, for example of recommended finishes to finishes."""
    variances = []
    for sums in (control, arm):
        # the variance of num - ratio x den, which is how much each user moves the ratio
        residual = (
            covariance(sums.n, sums.num, sums.num, sums.num2)
            - 2 * sums.ratio * covariance(sums.n, sums.num, sums.den, sums.cross)
            + np.square(sums.ratio) * covariance(sums.n, sums.den, sums.den, sums.den2)
        )
        variance = _beyond_rounding(residual, covariance(sums.n, sums.num, sums.num, sums.num2))
        variances.append(variance * quotient(sums.n, np.square(sums.den)))
    return _estimate(*_ratio(control.ratio, arm.ratio, *variances), _factor(control.n, arm.n, planned, alpha))


def welch(control: Sums, arm: Sums, *, alpha: float = ALPHA) -> Estimate:
    """The lift with the interval for one look only, of unequal variances and a normal quantile.

    From 100 users an arm on, Student's quantile is at most 1.3% larger.
    """
    return _estimate(*_means(control, arm), NormalDist().inv_cdf(1 - alpha / 2))


def width_factor(users: ArrayLike, planned: float, alpha: float = ALPHA) -> NDArray[np.float64]:
    """How many standard errors wide, to either side, the confidence sequence is with this many users in both arms.

    With x = rho^2 users it is sqrt((x + 1) (ln(x + 1) - 2 ln(alpha)) / x). rho makes it least at `planned`: there
    the derivative is 0, which it is where x = ln(x + 1) - 2 ln(alpha). Iteration solves that.
    """
    best = -2 * math.log(alpha)
    for _ in range(60):  # each step divides the error by best + 1, which is above 3
        best = math.log1p(best) - 2 * math.log(alpha)
    x = np.maximum(np.asarray(users, dtype=np.float64), 1.0) * (best / planned)
    return np.sqrt((x + 1) / x * (np.log1p(x) - 2 * math.log(alpha)))


def _factor(control: ArrayLike, arm: ArrayLike, planned: float, alpha: float) -> NDArray[np.float64]:
    return width_factor(np.add(control, arm), planned, alpha)


def _beyond_rounding(residual: Figure, variance: Figure) -> Figure:
    """What is left of the variance, 0 where it is no more than rounding leaves of a difference."""
    return np.where(np.less_equal(residual, 1e-12 * variance), 0.0, residual)


def _means(control: Sums, arm: Sums) -> tuple[Figure, Figure]:
    return _ratio(
        control.mean, arm.mean, quotient(control.variance, control.n), quotient(arm.variance, arm.n)
    )


def _ratio(
    control: Figure, arm: Figure, control_variance: Figure, arm_variance: Figure
) -> tuple[Figure, Figure]:
    """The ratio of two estimates and the variance of its logarithm; NaN where nothing is known."""
    positive = np.where(np.greater(control, 0), control, np.nan)
    variance = quotient(control_variance, np.square(positive)) + quotient(arm_variance, np.square(arm))
    known = np.greater(arm, 0) & np.greater(variance, 0)
    return arm / positive, np.where(known, variance, np.nan)


def _estimate(ratio: Figure, variance: Figure, factor: Figure) -> Estimate:
    half = factor * np.sqrt(variance)
    known = half < MAX_EXPONENT
    spread = np.exp(np.where(known, half, 0.0))
    low = np.where(known, ratio / spread - 1, -np.inf)
    high = np.where(known, ratio * spread - 1, np.inf)
    return Estimate(_plain(ratio - 1), _plain(low), _plain(high))


def _plain(figure: ArrayLike) -> Figure:
    """A float for a number, an array for an array."""
    array = np.asarray(figure, dtype=np.float64)
    return array if array.ndim else float(array)
