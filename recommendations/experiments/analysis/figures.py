"""The figures of a report: metrics with lifts and intervals, days since exposure, health, and power."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from recommendations.experiments.analysis.metrics import METRICS, PRIMARY, Metric
from recommendations.experiments.analysis.results import ArmResults, DayResults, Results
from recommendations.experiments.plan import Plan
from recommendations.experiments.statistics.lifts import (
    MIN_USERS,
    Estimate,
    adjusted_lift,
    lift,
    ratio_lift,
)
from recommendations.experiments.statistics.power import days_left, smallest_effect, variation
from recommendations.experiments.statistics.sums import Sums

RECENT_DAYS = 7
NOTHING: dict[str, float | None] = {"lift": None, "low": None, "high": None}


def metrics(results: Results, plan: Plan) -> list[dict[str, Any]]:
    """Each metric of matured users, with each arm's lift against control."""
    return [
        {
            "key": metric.key,
            "label": metric.label,
            "kind": "ratio" if metric.ratio else "mean",
            "unit": metric.unit,
            "guardrail": metric.guardrail,
            "arms": [
                _value(metric, arm) | _lifts(metric, results.arms[0], arm, plan) for arm in results.arms
            ],
        }
        for metric in METRICS
    ]


def _value(metric: Metric, arm: ArmResults) -> dict[str, Any]:
    first, second = metric.figures
    numerator = arm.totals[first] / metric.per_unit
    denominator = int(arm.totals[second]) if metric.ratio else arm.matured
    return {
        "numerator": numerator if numerator % 1 else int(numerator),
        "denominator": denominator,
        "users": arm.matured,
        "value": numerator / denominator if denominator else None,
    }


def _lifts(metric: Metric, control: ArmResults, arm: ArmResults, plan: Plan) -> dict[str, Any]:
    if arm is control or min(control.matured, arm.matured) < MIN_USERS:
        return NOTHING | {"adjusted": None}
    if metric.ratio:
        raw = ratio_lift(control.ratio(metric), arm.ratio(metric), planned=planned(plan))
        return interval(raw) | {"adjusted": None}
    pair = control.mean(metric), arm.mean(metric)
    adjusted = adjusted_lift(*pair, planned=planned(plan))
    return interval(lift(*pair, planned=planned(plan))) | {
        "adjusted": interval(adjusted) if adjusted.known else None
    }


def by_day(results: Results, plan: Plan) -> list[dict[str, Any]]:
    """The effect of the second arm on each day since exposure, of the users of whom that day has passed."""
    return [
        {
            "day": day,
            "arms": [
                {
                    "users": arm.users,
                    "recommended_finishes": arm.recommended,
                    "finishes": arm.finishes,
                }
                for arm in arms
            ],
            **_lift_of_day(arms[0], arms[1], plan),
        }
        for day, arms in enumerate(zip(*(arm.days for arm in results.arms), strict=True))
    ]


def _lift_of_day(control: DayResults, arm: DayResults, plan: Plan) -> dict[str, float | None]:
    if min(control.users, arm.users) < MIN_USERS:
        return NOTHING
    pair = (Sums(day.users, day.recommended, day.squares) for day in (control, arm))
    return interval(lift(*pair, planned=planned(plan)))


def health(results: Results) -> dict[str, Any]:
    """What is shown first, because no number means anything if it is not right."""
    days = sorted({day for arm in results.arms for day in arm.exposures})
    return {
        "exposures": [
            {"day": day.isoformat(), "arms": [arm.exposures.get(day, 0) for arm in results.arms]}
            for day in _every_day(days)
        ],
        "two_arms": results.two_arms,
        "bus_share": results.bus_lists / results.lists if results.lists else None,
        "lost_reads": results.lost_reads,
        "lost_seconds": results.lost_seconds,
        "readers": results.readers,
    }


def planned(plan: Plan) -> int:
    """The users of two arms together that are planned: where intervals are narrowest."""
    return 2 * plan.users_per_arm


def interval(estimate: Estimate) -> dict[str, float | None]:
    """The lift and its interval; nothing where nothing is known."""
    if not estimate.known:
        return NOTHING
    return {"lift": float(estimate.value), "low": float(estimate.low), "high": float(estimate.high)}


def _every_day(days: Sequence[date]) -> list[date]:
    """The days from the first to the last, also those without exposures."""
    if not days:
        return []
    return [days[0] + timedelta(days=number) for number in range((days[-1] - days[0]).days + 1)]


def power(results: Results, plan: Plan, look: datetime | None, *, runs: bool) -> dict[str, Any]:
    """The smallest lift that could be seen by now, and what is left to the plan: of control and the second arm.

    Exposures a day are those of the last RECENT_DAYS whole days (UTC). No days are left of one that does not run.
    """
    arms = results.arms[:2]
    spread = variation(arms[0].mean(PRIMARY) + arms[1].mean(PRIMARY))
    matured = [arm.matured for arm in arms]
    seen = spread and smallest_effect(spread, *matured, planned=planned(plan))
    to_expose = sum(max(0, plan.users_per_arm - found.exposed) for found in arms)
    users_left = sum(max(0, plan.users_per_arm - found.matured) for found in arms)
    a_day = _exposed_a_day(arms, look) if look else 0.0
    maturing = plan.window_days if users_left else 0
    left = days_left(to_expose, a_day, plan.window_days) if to_expose else maturing
    return {
        "smallest_effect": seen,
        "users_left": users_left,
        "days_left": left if runs else None,
        "exposed_a_day": a_day,
    }


def _exposed_a_day(arms: Sequence[ArmResults], look: datetime) -> float:
    """Of the whole days before `look`; of the first day while there is no other."""
    today = look.astimezone(UTC).date()
    days = {day for arm in arms for day in arm.exposures}
    whole = sorted(day for day in days if day < today)
    if not whole:
        return float(sum(arm.exposed for arm in arms))
    first = max(whole[0], today - timedelta(days=RECENT_DAYS))
    recent = sum(users for arm in arms for day, users in arm.exposures.items() if first <= day < today)
    return recent / (today - first).days
