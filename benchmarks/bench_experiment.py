"""Experiments: false alarms and coverage of 10,000 simulated experiments, each looked at on 30 days.

Each run has users of its own. The activity of a user is drawn from a gamma distribution, finishes before and within
the window follow from it, and each of the latter is a recommended one with the same probability. In the second arm
that probability is the same (A/A), or higher by a planted lift. So the truth is known.
"""

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Context, Row, row
from recommendations.experiments.assignment import arms_of
from recommendations.experiments.plan import Plan
from recommendations.experiments.statistics.alarms import false_alarms, misses, sums_by_look
from recommendations.experiments.statistics.lifts import Estimate, adjusted_lift, lift, ratio_lift, welch
from recommendations.experiments.statistics.split import LEAST_P, MOST_E, split_check
from recommendations.experiments.statistics.sums import RatioSums, Sums

LOOKS = np.arange(8.0, 38.0)  # 30 days, from the first on which a whole window of users is over
WINDOW = 7
USERS = 20_000
FINISHES = 6.0  # of a user in the window, on average
ACTIVITY = 0.7  # the shape of the gamma distribution: a tenth of the users have about 40% of the finishes
RECOMMENDED = 0.12  # of the finishes, about the mixture's hit rate on MovieLens 100K
PLANTED = 0.1
METHODS = ("lift", "CUPED", "ratio", "Welch")


@dataclass
class Seen:
    """What all runs showed."""

    runs: int = 0
    missed: Counter[tuple[str, float]] = field(default_factory=Counter)  # the truth, at one look or more
    found: Counter[str] = field(default_factory=Counter)  # the planted lift, at one look or more
    p_failed: int = 0  # runs whose split has a small p at one look or more
    e_failed: int = 0  # and those with a large e
    widths: dict[str, float] = field(default_factory=lambda: dict.fromkeys(METHODS, 0.0))  # at the last look

    def share_missed(self, method: str, truth: float) -> float:
        return 100 * self.missed[method, truth] / self.runs


def simulate(runs: int, *, users: int = USERS) -> Seen:
    """Runs with the seeds 0, 1, ...: the same numbers on every machine."""
    seen = Seen()
    for number in range(runs):
        _run(number, users, seen)
    return seen


def _run(number: int, users: int, seen: Seen) -> None:
    draw = np.random.default_rng([14, number])
    places = arms_of(Plan(f"run {number}"), draw.integers(1, 2**63 - 1, size=users))
    # most users read a list within the first days, the rest later and later
    matured = np.searchsorted(LOOKS, draw.exponential(8.0, size=users) + WINDOW)
    activity = draw.gamma(ACTIVITY, FINISHES / ACTIVITY, size=users)
    before, finishes = draw.poisson(2 * activity).astype(float), draw.poisson(activity).astype(float)
    same = draw.binomial(finishes.astype(int), RECOMMENDED).astype(float)
    more = draw.binomial(finishes.astype(int) - same.astype(int), RECOMMENDED * PLANTED / (1 - RECOMMENDED))
    splits = [split_check(seen_by_now, [1, 1]) for seen_by_now in _users_by_look(places, matured)]
    seen.p_failed += any(split.p < LEAST_P for split in splits)
    seen.e_failed += any(split.e >= MOST_E for split in splits)
    sums_with = partial(sums_by_look, places, matured, LOOKS.size)
    seen.runs += 1
    for truth in (0.0, PLANTED):
        recommended = same + np.where((places == 1) & (truth > 0), more, 0.0)
        control, arm = sums_with(recommended, before)
        for method, estimate in _estimates(control, arm, *sums_with(recommended, finishes), users).items():
            seen.missed[method, truth] += bool(misses(estimate, control, arm, LOOKS, truth).any())
            if truth:
                shown = misses(estimate, control, arm, LOOKS)
                seen.found[method] += bool((shown & (np.asarray(estimate.low) > 0)).any())
            else:
                low, high = np.asarray(estimate.low)[-1], np.asarray(estimate.high)[-1]
                seen.widths[method] += float(np.log1p(high) - np.log1p(low))


def _users_by_look(places: NDArray[np.int64], matured: NDArray[np.int64]) -> list[list[int]]:
    """The users of control and of the second arm at each look."""
    return [np.bincount(places[matured <= look], minlength=2).tolist() for look in range(LOOKS.size)]


def _estimates(
    control: Sums, arm: Sums, control_ratio: Sums, arm_ratio: Sums, planned: int
) -> dict[str, Estimate]:
    return {
        "lift": lift(control, arm, planned=planned),
        "CUPED": adjusted_lift(control, arm, planned=planned),
        "ratio": ratio_lift(_ratio(control_ratio), _ratio(arm_ratio), planned=planned),
        "Welch": welch(control, arm),
    }


def _ratio(sums: Sums) -> RatioSums:
    """The sums of recommended finishes and, in place of what was before, of all finishes."""
    return RatioSums(sums.n, sums.total, sums.squares, sums.before, sums.before_squares, sums.cross)


def run(context: Context) -> list[Row]:
    runs = int(os.environ.get("BENCH_RUNS", "10000"))
    context.say(
        f"{runs:,} runs of {USERS:,} users, {LOOKS.size} daily looks, a planted lift of {PLANTED:.0%}"
    )
    return [*simulated_rows(simulate(runs)), *speed_rows()]


def simulated_rows(seen: Seen) -> list[Row]:
    rows = [
        row(
            f"A/A runs with a false alarm at any look: {method}",
            seen.share_missed(method, 0),
            "%",
            goal="<= 5",
        )
        for method in METHODS[:-1]
    ]
    rows.append(row("A/A runs with a false alarm at any look: Welch", seen.share_missed("Welch", 0), "%"))
    rows.append(
        row("healthy runs with a split of p < 0.001 at any look", 100 * seen.p_failed / seen.runs, "%")
    )
    rows.append(
        row(
            "healthy runs with a split of e >= 1000 at any look",
            100 * seen.e_failed / seen.runs,
            "%",
            goal="<= 0.1",
        )
    )
    for method in METHODS[:-1]:
        covered = 100 - seen.share_missed(method, PLANTED)
        rows.append(
            row(f"runs with the planted lift covered at every look: {method}", covered, "%", goal=">= 95")
        )
    for method in METHODS[:-1]:
        found = 100 * seen.found[method] / seen.runs
        rows.append(row(f"runs with the planted lift found by the last look: {method}", found, "%"))
    for method in METHODS[:2]:
        width, narrowest = (100 * seen.widths[one] / seen.runs for one in (method, "Welch"))
        rows.append(
            row(
                f"width of the interval at the last look: {method} (to Welch)", width, "%", baseline=narrowest
            )
        )
    return rows


def speed_rows() -> list[Row]:
    """CPU of dealing users, and of a certificate."""
    draw = np.random.default_rng(14)
    ids = np.arange(1_000_000)
    started = time.process_time()
    arms_of(Plan("speed", share=50), ids)
    dealt = ids.size / (time.process_time() - started)
    y = draw.poisson(1.0, size=USERS)
    started = time.process_time()
    false_alarms(
        ids[:USERS],
        draw.uniform(0, 30, USERS),
        y,
        y,
        Plan("speed"),
        LOOKS,
        [str(seed) for seed in range(1000)],
    )
    certificate = time.process_time() - started
    return [
        row("users dealt into arms", dealt, "users/s"),
        row(f"A/A certificate: {USERS:,} users, 1,000 seeds, 30 looks", certificate, "CPU s"),
    ]
