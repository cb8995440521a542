"""The verdict on an experiment, as one plain sentence, and the failed checks that withhold it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from recommendations.experiments.plan import Arm
from recommendations.experiments.statistics.lifts import MIN_DAYS, MIN_USERS

MOST_LOST = 0.01  # share of first reads that may be lost: it moves no result visibly
NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True)
class Interval:
    """A lift, 0.1 for 10% more than control, and the interval that holds the true one."""

    lift: float
    low: float
    high: float

    def __str__(self) -> str:
        lift, low, high = percents(self.lift, self.low, self.high)
        return f"{lift} ({low} to {high})"


def verdict(
    arms: Sequence[Arm],
    *,
    problems: Sequence[str],
    matured: Sequence[int],
    days: float,
    primary: Interval | None,
    smallest_effect: float,
) -> str:
    """The verdict on the second arm against control, the first one, `days` after the start.

    `smallest_effect` is in percent. Without `primary` there are too few data.
    """
    control, arm = arms[:2]
    least = min(matured[:2])
    if problems:
        return f"withheld: {'; '.join(problems)}"
    if least < MIN_USERS:
        return f"not enough data yet ({least} of {MIN_USERS} users an arm)"
    if days < MIN_DAYS:
        return f"no verdict before one full week (day {math.floor(days) + 1} of {MIN_DAYS})"
    if primary is None:
        return "not enough data yet (an arm has no recommended finish)"
    if primary.low > 0:
        return f"{_name(arm, control)} better: {primary}"
    if primary.high < 0:
        return f"{_name(control, arm)} better: {arm.name} {primary}"
    largest = 100 * max(-primary.low, primary.high)
    if largest <= smallest_effect:
        return f"no difference larger than {max(1, math.ceil(largest))}% either way"
    _, low, high = percents(primary.lift, primary.low, primary.high)
    return f"no difference seen yet: {low} to {high}"


def problems(
    *, p: float, e: float, ok: bool, two_arms: int, reads: int, lost_reads: int, outlived: bool
) -> list[str]:
    """The failed checks: of the split, of users in two arms, and of lost reads beside `reads` logged ones.

    `outlived`: it runs longer than facts are kept, so it is not counted any more.
    """
    found = []
    if outlived:
        found.append(
            "it runs longer than lists read or views are kept, and what is new is not counted: stop it"
        )
    if not ok:
        found.append(f"the split check fails ({_evidence(p, e)})")
    if two_arms:
        users = "1 user" if two_arms == 1 else f"{two_arms:,} users"
        found.append(f"{users} read lists of two arms")
    if lost_reads > MOST_LOST * (reads + lost_reads):
        found.append(f"{lost_reads / (reads + lost_reads):.1%} of the first reads of lists were lost")
    return found


def percents(*lifts: float) -> list[str]:
    """The lifts as signed percentages, all with the digits that the smallest of them needs: +31%, -0.4%."""
    smallest = min((abs(lift) for lift in lifts if lift), default=1.0)
    digits = next((digits for digits in range(2) if 100 * smallest >= 10**-digits), 2)
    return [f"{lift + 0.0:+.{digits}%}" for lift in lifts]  # + 0.0: without the sign of a negative zero


def _name(better: Arm, other: Arm) -> str:
    """What is better, with its verb: the taste, if the arms differ in nothing else."""
    if better.taste != other.taste and better.strategy == other.strategy != "popular":
        return f"{better.taste} preferences do"
    return f"{better.name} does"


def _evidence(p: float, e: float) -> str:
    if p >= 0.001:  # not p, but the evidence of all looks together
        return f"e = {e:,.0f}"
    return f"p = {p:.{1 - math.floor(math.log10(p)) - 1}f}" if p > 1e-9 else "p < 0.000000001"
