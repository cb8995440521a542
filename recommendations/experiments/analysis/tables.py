"""A report as tables for a terminal: the verdict first, then the health, the arms and the metrics."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from recommendations.experiments.analysis.verdict import percents

HASH_DIGITS = 12  # of a plan's 64


def tables(report: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What is printed, in its order."""
    yield f"{report['name']} ({report['state']}): {report['verdict']}"
    yield f"plan {report['plan_hash'][:HASH_DIGITS]}, day {report['days']:.1f}, as of {report['as_of'] or '-'}"
    yield _table("health", ["check", "value"], _health(report))
    yield _table(
        "arms",
        ["arm", "lists", "exposed", "matured", "recommended finishes", "finishes"],
        [
            [
                arm["name"],
                f"{arm['strategy']}, {arm['taste']}",
                *(f"{arm[key]:,}" for key in ("exposed", "matured", "recommended_finishes", "finishes")),
            ]
            for arm in report["arms"]
        ],
    )
    names = [arm["name"] for arm in report["arms"]]
    yield _table(
        "metrics of matured users",
        ["metric", "arm", "value", "of", "lift", "with CUPED"],
        [
            [metric["label"] if place == 0 else "", name, *_figures(arm)]
            for metric in report["metrics"]
            for place, (name, arm) in enumerate(zip(names, metric["arms"], strict=True))
        ],
    )
    yield _power(report)


def list_of(experiments: Sequence[Mapping[str, Any]]) -> Table:
    """Experiments, one a row."""
    columns = ["name", "state", "started", "ended", "arms", "plan"]
    return _table("", columns, [[experiment[column] for column in columns] for experiment in experiments])


def plan_of(needed: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What the planner found."""
    yield (f"To show a lift of {needed['lift']:+.1%} with a probability of {needed['power']:.0%}:")
    yield _table(
        "",
        ["", "users an arm", "days"],
        [
            [label, f"{needed[key]['users_per_arm']:,}", f"{needed[key]['days']:,}"]
            for key, label in (("raw", "raw"), ("adjusted", "with CUPED"))
        ],
    )
    yield (
        f"From {needed['users']:,} users of the last {needed['weeks']} weeks: "
        f"{needed['recommended_finishes_per_user']:.3g} recommended finishes a user in {needed['window_days']} days"
        f" (deviation {needed['deviation']:.3g}, correlation with the 14 days before {needed['correlation']:.2f}),"
        f" {needed['exposed_a_day']:,.1f} exposures a day."
    )


def _health(report: Mapping[str, Any]) -> list[list[str]]:
    health, split = report["health"], report["split"]
    bus_share = health["bus_share"]
    return [
        ["split check", f"{'ok' if split['ok'] else 'FAILS'} (p = {split['p']:.3g}, e = {split['e']:.3g})"],
        ["users in two arms", f"{health['two_arms']:,}"],
        ["lists read that are of the bus", "-" if bus_share is None else f"{bus_share:.1%}"],
        ["lost reads", f"{health['lost_reads']:,} in {health['lost_seconds']:,} s"],
        ["readers", f"{health['readers']:,}"],
        *([f"  left out: {reason}", f"{users:,}"] for reason, users in sorted(report["left_out"].items())),
    ]


def _figures(arm: Mapping[str, Any]) -> list[str]:
    value = "-" if arm["value"] is None else f"{arm['value']:.4g}"
    of = f"{arm['numerator']:,.6g} / {arm['denominator']:,}"
    return [value, of, _lift(arm), _lift(arm["adjusted"] or {"lift": None})]


def _lift(figures: Mapping[str, Any]) -> str:
    if figures["lift"] is None:
        return ""
    lift, low, high = percents(figures["lift"], figures["low"], figures["high"])
    return f"{lift} ({low} to {high})"


def _power(report: Mapping[str, Any]) -> str:
    power = report["power"]
    seen = "-" if power["smallest_effect"] is None else f"{power['smallest_effect']:.1%}"
    days = "-" if power["days_left"] is None else f"{power['days_left']:,}"
    return (
        f"Smallest lift that could be seen by now: {seen}. Left to the plan: {power['users_left']:,} users,"
        f" {days} days at {power['exposed_a_day']:,.1f} exposures a day."
    )


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title or None, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
