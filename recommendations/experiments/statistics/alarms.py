"""False alarms: how often the analysis sees a difference where there is none (A/A), on users that are dealt again.

Each seed deals the same users into arms of its own. A user's outcome is the same in every arm, and the experiment is
looked at as if it had run. Lifts can be planted, to see how often the intervals hold them.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recommendations.experiments.assignment import arms_of
from recommendations.experiments.plan import Plan
from recommendations.experiments.statistics.lifts import (
    MIN_DAYS,
    MIN_USERS,
    Estimate,
    adjusted_lift,
    lift,
)
from recommendations.experiments.statistics.sums import Sums


@dataclass(frozen=True, slots=True)
class Alarms:
    """Of `runs` those with an interval that misses the truth at any look, and at each look."""

    runs: int
    alarms: int
    per_look: NDArray[np.int64]


def false_alarms(
    user_ids: ArrayLike,
    exposed_day: ArrayLike,
    y: ArrayLike,
    before: ArrayLike,
    plan: Plan,
    looks: ArrayLike,
    seeds: Collection[str],
    *,
    adjusted: bool = False,
    planted: float = 0.0,
) -> Alarms:
    """The alarms of the plan's second arm against control, one run for each seed.

    `exposed_day` and the increasing `looks` are days since the start. `y` is each user's outcome in the window of the
    plan, `before` what is known from before. Arms are dealt by hash, even where the plan says parity, which has no
    seed. `planted`: each finish of the second arm's users counts 1 + planted times on average, by chance; then the
    truth is that lift. The split check is left out, because it could only withhold alarms.
    """
    ids, y, before = np.asarray(user_ids), np.asarray(y, dtype=float), np.asarray(before, dtype=float)
    looks = np.asarray(looks, dtype=float)
    matured = np.searchsorted(looks, np.asarray(exposed_day) + plan.window_days)
    compare = adjusted_lift if adjusted else lift
    per_look = np.zeros(looks.size, dtype=np.int64)
    alarms = 0
    for seed in seeds:
        places = arms_of(replace(plan, seed=seed, assignment="hash"), ids)
        outcome = y
        if planted:
            draw = np.random.default_rng(list(seed.encode()))
            outcome = y + np.where(places == 1, draw.poisson(planted * y), 0)
        control, arm = sums_by_look(places, matured, looks.size, outcome, before)
        estimate = compare(control, arm, planned=2 * plan.users_per_arm)
        missed = misses(estimate, control, arm, looks, planted)
        per_look += missed
        alarms += bool(missed.any())
    return Alarms(len(seeds), alarms, per_look)


def sums_by_look(
    places: NDArray[np.int64],
    matured: NDArray[np.int64],
    looks: int,
    y: NDArray[np.float64],
    before: NDArray[np.float64],
) -> tuple[Sums, Sums]:
    """The sums of control and of the second arm at each look; a user is in all from the place `matured` on."""
    counted = (places >= 0) & (places <= 1) & (matured < looks)
    cell = places[counted] * looks + matured[counted]
    y, before = y[counted], before[counted]
    columns = [
        np.bincount(cell, weights, minlength=2 * looks).reshape(2, looks).cumsum(axis=1)
        for weights in (None, y, y * y, before, before * before, before * y)
    ]
    return Sums(*(column[0] for column in columns)), Sums(*(column[1] for column in columns))


def misses(
    estimate: Estimate, control: Sums, arm: Sums, looks: NDArray[np.float64], truth: float = 0.0
) -> NDArray[np.bool_]:
    """At which looks the interval is shown, a verdict is allowed, and the interval does not hold the truth."""
    shown = (np.asarray(control.n) >= MIN_USERS) & (np.asarray(arm.n) >= MIN_USERS) & (looks >= MIN_DAYS)
    return shown & ((np.asarray(estimate.low) > truth) | (np.asarray(estimate.high) < truth))
