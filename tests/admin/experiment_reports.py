"""The report of an experiment with three weeks of data, as `report` returns it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from recommendations.experiments.plan import Plan

STARTED_AT = datetime(2026, 11, 1, 8, tzinfo=UTC)
DAYS = 21


def interval(lift: float, half: float) -> dict[str, float]:
    return {"lift": lift, "low": lift - half, "high": lift + half}


def report_of_weeks(plan: Plan, **changed: Any) -> dict[str, Any]:
    """The report of a running experiment whose second arm does better; `changed` replaces entries."""
    return {
        "name": "modelled-or-fixed",
        "state": "running",
        "plan": plan.to_json(),
        "plan_hash": plan.hash,
        "started_at": STARTED_AT.isoformat(),
        "ended_at": None,
        "as_of": (STARTED_AT + timedelta(days=DAYS)).isoformat(),
        "days": float(DAYS),
        "arms": [
            _arm(plan, place, exposed, matured, recommended, finishes)
            for place, exposed, matured, recommended, finishes in (
                (0, 4212, 3105, 6702, 20644),
                (1, 4187, 3090, 8731, 21012),
            )
        ],
        "primary": interval(0.3126, 0.14),
        "split": {"p": 0.7845, "e": 0.02, "ok": True},
        "left_out": {
            "rates movies": 1211,
            "no fixed preferences": 743,
            "same list in both arms": 95,
            "list from the bus": 61,
        },
        "verdict": "modelled preferences do better: +31% (+17% to +45%)",
        "problems": [],
        "health": {
            "exposures": [
                {
                    "day": f"{STARTED_AT + timedelta(days=day):%Y-%m-%d}",
                    "arms": [620 // (day + 1) + 120 + 7 * day % 13, 611 // (day + 1) + 122 + 5 * day % 17],
                }
                for day in range(DAYS)
            ],
            "two_arms": 0,
            "bus_share": 0.043,
            "lost_reads": 12,
            "lost_seconds": 3,
            "readers": 10509,
        },
        "metrics": [
            _metric(
                "recommended", "Recommended finishes per user", "mean", "finishes", 6702, 8731, 0.3126, 0.14
            ),
            _metric(
                "kpi", "Share of finishes that were recommended", "ratio", "share", 6702, 8731, 0.279, 0.11
            ),
            _metric(
                "finishes",
                "All finishes per user",
                "mean",
                "finishes",
                20644,
                21012,
                0.023,
                0.06,
                guardrail=True,
            ),
            _metric(
                "abandoned", "Share of started movies abandoned", "ratio", "share", 5120, 5002, -0.041, 0.09
            ),
            _metric("movies", "New movies per user", "mean", "movies", 18211, 18404, 0.015, 0.05),
            _metric("list_age", "Age of a list when read", "ratio", "hours", 41000, 40911, -0.002, 0.03),
        ],
        "by_day": [
            {
                "day": day,
                "arms": [
                    {"users": 3105, "recommended_finishes": 1400 // (day + 1), "finishes": 2900},
                    {"users": 3090, "recommended_finishes": 1900 // (day + 1), "finishes": 3000},
                ],
                **interval(0.36 - 0.02 * day, 0.15 + 0.03 * day),
            }
            for day in range(7)
        ],
        "shadow": [
            {"recommended_finishes": 6702, "on_both": 2011},
            {"recommended_finishes": 8731, "on_both": 2203},
        ],
        "sisters": [
            {"known": 19211, "disagree": 311, "group_disagree": 4},
            {"known": 19872, "disagree": 290, "group_disagree": 2},
        ],
        "power": {"smallest_effect": 0.121, "users_left": 1905, "days_left": 5.1, "exposed_a_day": 371.2},
        "certificate": {
            "runs": 1000,
            "false_alarms": 14,
            "share": 0.014,
            "looks": 28,
            "users": 8399,
            "weeks": 4,
            "made_at": (STARTED_AT + timedelta(days=20, hours=4)).isoformat(),
            "covered": 0.981,
        },
    } | changed


def _arm(
    plan: Plan, place: int, exposed: int, matured: int, recommended: int, finishes: int
) -> dict[str, Any]:
    arm = plan.arms[place]
    return {
        "name": arm.name,
        "strategy": arm.strategy,
        "taste": arm.taste,
        "weight": arm.weight,
        "exposed": exposed,
        "matured": matured,
        "recommended_finishes": recommended,
        "finishes": finishes,
    }


def _metric(
    key: str,
    label: str,
    kind: str,
    unit: str,
    control: int,
    other: int,
    lift: float,
    half: float,
    *,
    guardrail: bool = False,
) -> dict[str, Any]:
    denominators = {"kpi": (20644, 21012), "abandoned": (29102, 29544), "list_age": (9100, 9075)}
    below = denominators.get(key, (3105, 3090))
    empty = {"lift": None, "low": None, "high": None, "adjusted": None}
    adjusted = interval(lift - 0.01, half * 0.85) if kind == "mean" else None
    return {
        "key": key,
        "label": label,
        "kind": kind,
        "unit": unit,
        "guardrail": guardrail,
        "arms": [
            {
                "numerator": control,
                "denominator": below[0],
                "users": 3105,
                "value": control / below[0],
                **empty,
            },
            {
                "numerator": other,
                "denominator": below[1],
                "users": 3090,
                "value": other / below[1],
                **interval(lift, half),
                "adjusted": adjusted,
            },
        ],
    }
