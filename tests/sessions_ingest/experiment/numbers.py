"""The numbers of a report, in plain Python, from what the model counted: the formulas of the papers, user by user."""

import hashlib
import json
import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist, mean, stdev
from typing import Any, NamedTuple

ALPHA = 0.05
Number = float | Fraction
Pairs = Sequence[tuple[Number, Number]]  # of each user: the outcome, and what it is adjusted or divided by


class Lift(NamedTuple):
    value: float | None
    low: float | None
    high: float | None


def lift(control: Pairs, arm: Pairs, planned: int) -> Lift:
    """The lift of the mean of the first numbers."""
    return _lift(
        _mean(control, 0), _mean(arm, 0), _error(control), _error(arm), len(control) + len(arm), planned
    )


def adjusted_lift(control: Pairs, arm: Pairs, planned: int) -> Lift:
    """The same, after what the second numbers explain is taken out of the first (CUPED)."""
    everybody = [*control, *arm]
    spread = _covariance(everybody, 1, 1)
    slope = _covariance(everybody, 0, 1) / spread if spread else Fraction(0)
    middle = _mean(everybody, 1)

    def adjusted(pairs: Pairs) -> Pairs:
        return [(y - slope * (x - middle), x) for y, x in _exact(pairs)]

    return lift(adjusted(control), adjusted(arm), planned)


def ratio_lift(control: Pairs, arm: Pairs, planned: int) -> Lift:
    """The lift of the ratio of both sums, by the delta method."""
    if not (_mean(control, 1) and _mean(arm, 1)):
        return Lift(None, None, None)
    (one, one_error), (other, other_error) = _ratio(control), _ratio(arm)
    return _lift(one, other, one_error, other_error, len(control) + len(arm), planned)


def _ratio(pairs: Pairs) -> tuple[Fraction, Fraction]:
    """The ratio of the sums, and its squared standard error."""
    denominator = _mean(pairs, 1)
    ratio = _mean(pairs, 0) / denominator
    return ratio, _error([((y - ratio * x) / denominator, x) for y, x in _exact(pairs)])


def half_width(users: int, planned: int) -> float:
    """In standard errors: the mixture boundary of Waudby-Smith et al. (2021), least at `planned` users."""

    def surplus(x: float) -> float:
        return x - math.log(x + 1) + 2 * math.log(ALPHA)

    low, high = 1e-9, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if surplus(middle) < 0 else (low, middle)
    rho_squared = low / planned
    t = users
    return math.sqrt(
        2 * (t * rho_squared + 1) / (t * rho_squared) * math.log(math.sqrt(t * rho_squared + 1) / ALPHA)
    )


def smallest_effect(outcomes: Sequence[int], control: int, arm: int, planned: int) -> float | None:
    """The lift that is seen with a probability of 80% by arms of so many users; `outcomes` are those of all."""
    if not (control and arm and any(outcomes)) or len(set(outcomes)) == 1:
        return None
    spread = stdev(outcomes) / mean(outcomes)
    errors = half_width(control + arm, planned) + NormalDist().inv_cdf(0.8)
    effect = math.exp(errors * spread * math.sqrt(1 / control + 1 / arm)) - 1
    return effect if effect < 10_000 else None


def split(observed: Sequence[int], weights: Sequence[float]) -> tuple[float, float]:
    """p of the chi-square test of two arms, and the e-value of a Dirichlet prior of 100 users."""
    users = sum(observed)
    shares = [weight / sum(weights) for weight in weights]
    distance = sum(
        (seen - users * share) ** 2 / (users * share) for seen, share in zip(observed, shares, strict=True)
    )
    assert len(observed) == 2
    evidence, drawn = 1.0, 0
    for seen, share in zip(observed, shares, strict=True):  # one user after the other, by Polya's urn
        for number in range(seen):
            evidence *= (100 * share + number) / (100 + drawn) / share
            drawn += 1
    return math.erfc(math.sqrt(distance / 2)), evidence


def arm_of(plan: dict[str, Any], user: int) -> str | None:
    """The name of the user's arm; None outside the share."""
    if plan["share"] < 100 and _uniform(["share", plan["seed"]], user) >= plan["share"] / 100:
        return None
    arms = plan["arms"]
    if plan["assignment"] == "parity":
        return arms[user % 2]["name"]
    times = {
        arm["name"]: -math.log(_uniform(["arm", plan["seed"], arm["name"]], user)) / arm["weight"]
        for arm in arms
    }
    return min(times, key=lambda name: times[name])


def _uniform(key: list[str], user: int) -> float:
    digest = hashlib.sha256(json.dumps(key, separators=(",", ":")).encode()).digest()
    first, second = (int.from_bytes(digest[start : start + 8], "big") for start in (0, 8))
    return ((_mix(_mix(user ^ first) ^ second) >> 12) + 0.5) / 2**52


def _mix(number: int) -> int:
    """The finalizer of SplitMix64."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        number = (number ^ number >> shift) * factor % 2**64
    return number ^ number >> 31


def _exact(pairs: Pairs) -> list[tuple[Fraction, Fraction]]:
    return [(Fraction(y), Fraction(x)) for y, x in pairs]


def _mean(pairs: Pairs, place: int) -> Fraction:
    return sum((Fraction(pair[place]) for pair in pairs), Fraction(0)) / len(pairs) if pairs else Fraction(0)


def _covariance(pairs: Pairs, one: int, other: int) -> Fraction:
    if len(pairs) < 2:
        return Fraction(0)
    means = [_mean(pairs, place) for place in (0, 1)]
    deviations = [(y - means[0], x - means[1]) for y, x in _exact(pairs)]
    return sum((each[one] * each[other] for each in deviations), Fraction(0)) / (len(pairs) - 1)


def _error(pairs: Pairs) -> Fraction:
    """The squared standard error of the mean of the first numbers."""
    return _covariance(pairs, 0, 0) / len(pairs) if pairs else Fraction(0)


def _lift(
    control: Fraction, arm: Fraction, control_error: Fraction, arm_error: Fraction, users: int, planned: int
) -> Lift:
    """Of two means with their squared errors: on the logarithm of their ratio."""
    if control <= 0:
        return Lift(None, None, None)
    ratio = float(arm / control)
    if arm <= 0 or not (control_error or arm_error):
        return Lift(ratio - 1, None, None)
    deviation = math.sqrt(control_error / control**2 + arm_error / arm**2)
    reach = half_width(users, planned) * deviation
    return Lift(ratio - 1, math.exp(math.log(ratio) - reach) - 1, math.exp(math.log(ratio) + reach) - 1)
