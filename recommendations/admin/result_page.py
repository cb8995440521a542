"""An experiment's report as its page shows it: numbers with units, and intervals as bars around zero. No Django."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from recommendations.experiments.analysis.verdict import percents

Report = Mapping[str, Any]

MAX_SCALE = 1.0  # a lift beyond 100% is drawn at the end of its bar; its numbers stand beside it
SCALES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, MAX_SCALE)  # where a bar may end
MAX_FALSE_ALARMS = 0.05  # of A/A runs
SMALLEST_SHOWN = 0.0001  # of a p-value
PLAN_LABELS = {
    "assignment": "Assignment",
    "share": "Share of the users",
    "window_days": "Window",
    "users_per_arm": "Users an arm",
    "smallest_effect": "Smallest effect worth knowing",
    "seed": "Seed",
}
PLAN_UNITS = {"share": "%", "window_days": " days", "smallest_effect": "%"}
ASSIGNMENTS = {
    "hash": "a hash of the seed and the user's id",
    "parity": "the user's id modulo 2 (parity)",
}


def shown(report: Report) -> dict[str, Any]:
    """What the templates of the page need besides the report."""
    names = [arm["name"] for arm in report["arms"]]
    scale = _scale(report["metrics"])
    return {
        "names": names,
        "checks": _checks(report),
        "arms": [_arm(arm) for arm in report["arms"]],
        "left_out": _left_out(report),
        "metrics": [_metric(metric, names, scale) for metric in report["metrics"]],
        "scale": percent(scale),
        "days": [_day(row, scale=_scale_of(report["by_day"])) for row in report["by_day"]],
        "days_scale": percent(_scale_of(report["by_day"])),
        "shadow": [
            {
                "name": name,
                "recommended_finishes": count(row["recommended_finishes"]),
                "on_both": count(row["on_both"]),
                "share": share(row["on_both"], row["recommended_finishes"]),
            }
            for name, row in zip(names, report["shadow"], strict=False)
        ],
        "sisters": [
            {
                "name": name,
                "known": count(row["known"]),
                "disagree": count(row["disagree"]),
                "group_disagree": count(row["group_disagree"]),
                "share": share(row["disagree"], row["known"]),
            }
            for name, row in zip(names, report["sisters"], strict=False)
        ],
        "tiles": _tiles(report),
        "plan": plan_rows(report["plan"]),
        "as_of": _time(report["as_of"]),
        "proof": _proof(report["certificate"]),
        "charts": {"arms": names, "exposures": _whole_days(report), "by_day": report["by_day"]},
    }


def _whole_days(report: Report) -> list[Any]:
    """The days of exposures, without the last one, which is not whole, unless it is the only one."""
    days = report["health"]["exposures"]
    cut = len(days) > 1 and days[-1]["day"] == report["as_of"][:10]
    return days[:-1] if cut else days


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _proof(certificate: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The certificate with its shares in percent, or why there is none."""
    if certificate is None:
        return None
    if "refused" in certificate:
        return {"refused": certificate["refused"], "made_at": _time(certificate["made_at"])}
    covered = certificate["covered"]
    return {
        **certificate,
        "users": count(certificate["users"]),
        "runs": count(certificate["runs"]),
        "share": percent(certificate["share"]),
        "covered": percent(covered) if covered is not None else "",
        "made_at": _time(certificate["made_at"]),
        "ok": certificate["share"] <= MAX_FALSE_ALARMS,
    }


def plan_rows(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The plan in words: (what, value)."""
    weights = sum(arm["weight"] for arm in plan["arms"])
    arms = [
        (
            f"Arm {arm['name']}{' (control)' if place == 0 else ''}",
            f"{_recommends(arm)}, {percent(arm['weight'] / weights)} of the users in it",
        )
        for place, arm in enumerate(plan["arms"])
    ]
    rest = [
        (label, ASSIGNMENTS.get(plan[key]) or f"{_plain(plan[key])}{PLAN_UNITS.get(key, '')}")
        for key, label in PLAN_LABELS.items()
    ]
    return [*arms, *rest]


def percent(part: float) -> str:
    """31%, 2.3%, 0.04%."""
    points = 100 * part
    digits = 0 if points >= 10 or points == 0 else 1 if points >= 0.1 else 3
    return f"{points:.{digits}f}%"


def share(part: float, whole: float) -> str:
    """The part in percent of the whole; "none" of nothing."""
    return percent(part / whole) if whole else "none"


def count(value: float) -> str:
    """1,234 or 1,234.5."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.1f}"


def _recommends(arm: Mapping[str, Any]) -> str:
    if arm["strategy"] == "popular":
        return "the most popular movies"
    return f"{arm['strategy']} on {arm['taste']} preferences"


def _plain(value: Any) -> str:
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)


def _tiles(report: Report) -> list[tuple[str, str]]:
    power = report["power"]
    exposed = sum(arm["exposed"] for arm in report["arms"])
    matured = sum(arm["matured"] for arm in report["arms"])
    effect = power["smallest_effect"]
    window = report["plan"]["window_days"]
    over = report["state"] == "stopped"
    left = [(count(power["users_left"]), f"users {'short of' if over else 'left to'} the plan")]
    if not over:
        left.append((_days_left(report), "days left to the plan"))
    return [
        (f"{report['days']:.1f}", "days from start to end" if over else "days since the start"),
        (count(exposed), f"users exposed, {power['exposed_a_day']:,.0f} a day"),
        (count(matured), f"users matured: exposed for {window} days or longer"),
        *left,
        (percent(effect) if effect is not None else "none yet", "smallest effect that could be seen by now"),
    ]


def _days_left(report: Report) -> str:
    days = report["power"]["days_left"]
    return f"{days:,.0f}" if days is not None else "unknown"


def _checks(report: Report) -> list[dict[str, Any]]:
    """The checks of the experiment's health: what, value, whether it is all right, and what it means."""
    health, split = report["health"], report["split"]
    exposed = sum(arm["exposed"] for arm in report["arms"])
    return [
        {
            "label": "Split of the users",
            "value": f"p = {_small(split['p'])}, e = {_small(split['e'])}",
            "ok": split["ok"],
            "meaning": "fails if p < 0.001 or e >= 1,000: the arms' users are then not split as planned",
        },
        {
            "label": "Users in two arms",
            "value": f"{count(health['two_arms'])} of {count(exposed)}",
            "ok": not health["two_arms"],
            "meaning": "none, unless lists of two arms were shown to one user",
        },
        {
            "label": "Lists of the bus",
            "value": "none read" if health["bus_share"] is None else percent(health["bus_share"]),
            "ok": None,
            "meaning": "share of lists read that the Recommendations service sent",
        },
        {
            "label": "Lost reads",
            "value": f"{count(health['lost_reads'])} in {count(health['lost_seconds'])} s",
            "ok": None if health["lost_reads"] else True,
            "meaning": f"reads that could not be logged; {count(health['readers'])} users read a list",
        },
    ]


def _arm(arm: Mapping[str, Any]) -> dict[str, str]:
    counts = ("exposed", "matured", "finishes", "recommended_finishes")
    return {"name": arm["name"], "lists": _recommends(arm), **{name: count(arm[name]) for name in counts}}


def _small(value: float | None) -> str:
    if value is None:
        return "unknown"
    if value < SMALLEST_SHOWN:
        return f"under {SMALLEST_SHOWN}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _left_out(report: Report) -> list[dict[str, Any]]:
    readers = report["health"]["readers"]
    found = sorted(report["left_out"].items(), key=lambda entry: -entry[1])
    return [
        {"reason": reason, "users": count(users), "share": share(users, readers)} for reason, users in found
    ]


def _metric(metric: Mapping[str, Any], names: Sequence[str], scale: float) -> dict[str, Any]:
    arms = [
        {
            "name": name,
            "value": _value(arm["value"], metric["unit"]),
            "numerator": count(arm["numerator"]),
            "denominator": count(arm["denominator"]),
            "users": count(arm["users"]),
            "raw": interval(arm, scale),
            "adjusted": interval(arm["adjusted"] or {}, scale),
        }
        for name, arm in zip(names, metric["arms"], strict=True)
    ]
    several = len(arms) > 2
    return {
        **metric,
        "arms": arms,
        "lifts": [{**arm, "label": arm["name"] if several else ""} for arm in arms[1:]],
    }


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    if unit == "share":
        return percent(value)
    return f"{value:,.2f}"


def _day(row: Mapping[str, Any], *, scale: float) -> dict[str, Any]:
    arms = [
        {
            "users": count(arm["users"]),
            "recommended_finishes": count(arm["recommended_finishes"]),
            "finishes": count(arm["finishes"]),
            "value": f"{arm['recommended_finishes'] / arm['users']:.3f}" if arm["users"] else "none",
        }
        for arm in row["arms"]
    ]
    return {"day": row["day"], "arms": arms, "lift": interval(row, scale)}


def interval(estimate: Mapping[str, Any], scale: float) -> dict[str, str] | None:
    """A lift and its interval, as text and as places on a bar from -scale to +scale; None without one."""
    lift, low, high = (estimate.get(name) for name in ("lift", "low", "high"))
    if lift is None or low is None or high is None:
        return None

    def place(value: float) -> float:
        return 50 + 50 * max(-1.0, min(1.0, value / scale))

    shown_lift, shown_low, shown_high = percents(lift, low, high)
    return {
        "lift": shown_lift,
        "between": f"{shown_low} to {shown_high}",
        "stands": "above" if low > 0 else "below" if high < 0 else "around",
        "left": f"{place(low):.2f}",
        "width": f"{max(place(high) - place(low), 0.5):.2f}",
        "point": f"{place(lift):.2f}",
    }


def _scale(metrics: Sequence[Mapping[str, Any]]) -> float:
    """One scale for all bars of the table, so that their lengths can be compared."""
    arms = [arm for metric in metrics for arm in metric["arms"]]
    return _scale_of([*arms, *(arm["adjusted"] for arm in arms if arm["adjusted"])])


def _scale_of(estimates: Sequence[Mapping[str, Any]]) -> float:
    ends = [
        abs(end)
        for estimate in estimates
        for end in (estimate.get("low"), estimate.get("high"))
        if end is not None and math.isfinite(end)
    ]
    largest = max(ends, default=0.0)
    return next((scale for scale in SCALES if largest <= scale), MAX_SCALE)
