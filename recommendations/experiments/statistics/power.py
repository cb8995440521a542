"""Power: which lift an experiment can show with so many users, and how many users and days a lift takes.

The logarithm of the ratio has the standard error v sqrt(1/n + 1/m) with n and m users in the arms, where v is the
deviation of y relative to its mean. A lift L is shown with the probability `power` when ln(1 + L) is half the width
of the interval plus the normal quantile of `power` standard errors. That counts the last look; others only add.
"""

import math
from statistics import NormalDist

from recommendations.experiments.statistics.lifts import ALPHA, width_factor
from recommendations.experiments.statistics.sums import Sums

POWER = 0.8


def variation(users: Sums, *, adjusted: bool = False) -> float | None:
    """The standard deviation of y over its mean; None where nobody differs, or nobody has any.

    `adjusted`: of what x leaves unexplained, as `adjusted_lift` has it.
    """
    mean, variance = float(users.mean), float(users.variance)
    if adjusted and float(users.variance_before) > 0:
        variance -= float(users.covariance) ** 2 / float(users.variance_before)
    return math.sqrt(variance) / mean if mean > 0 and variance > 0 else None


def smallest_effect(
    spread: float, control: int, arm: int, *, planned: float, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The smallest lift that users of this variation, so many in each arm, show; None if an arm is empty.

    `planned` is that of `lift`. None as well if the lift would be above a million percent: nothing is known yet.
    """
    if not control or not arm:
        return None
    errors = float(width_factor(control + arm, planned, alpha)) + NormalDist().inv_cdf(power)
    logarithm = errors * spread * math.sqrt(1 / control + 1 / arm)
    return math.expm1(logarithm) if logarithm < math.log(10_001) else None


def users_per_arm(spread: float, effect: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """How many users of this variation each of two arms needs to show the lift, if that many are planned."""
    planned = 1.0  # the factor at the planned number is the same for every number
    errors = float(width_factor(planned, planned, alpha)) + NormalDist().inv_cdf(power)
    return math.ceil(2 * (errors * spread / math.log1p(effect)) ** 2)


def days_left(users: int, exposed_a_day: float, window_days: int) -> int | None:
    """Days until so many users more are exposed and have matured; None if nobody is being exposed."""
    if users <= 0:
        return 0
    return math.ceil(users / exposed_a_day) + window_days if exposed_a_day > 0 else None
