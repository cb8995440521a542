"""What was simulated, and what was planted beside what the report finds, as sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from sessions_ingest.experiment_days.days import Played

NOT_SHOWN = "no lift yet"


def lines(played: Played, report: Mapping[str, Any], *, lift: float, seconds: float) -> Iterator[str]:
    """The lines that the command prints."""
    yield (
        f"{played.looks:,} looks of simulated users: {played.lists:,} times a list of their own or of the bus,"
        f" {played.sessions:,} sessions, {played.views:,} views, {played.bus_lists:,} lists from the bus,"
        f" in {seconds:.0f} s."
    )
    yield f"Planted: a movie is taken from a list of the second arm {lift:+g}% likelier."
    for arm in report["arms"]:
        name = arm["name"]
        share = played.taken[name] / max(1, played.chosen[name])
        yield (
            f"  {name}: {share:.1%} of {played.chosen[name]:,} new movies were taken from the list;"
            f" {played.exposed[name]:,} users saw one (the page counts {arm['exposed']:,} exposed)"
        )
    yield f"The page says: {report['verdict']}. Recommended finishes per user: {_interval(report['primary'])}."
    adjusted = report["metrics"][0]["arms"][1]["adjusted"]
    if adjusted:
        yield f"Adjusted by the 14 days before (CUPED): {_interval(adjusted)}."


def _interval(found: Mapping[str, float] | None) -> str:
    if found is None:
        return NOT_SHOWN
    return f"{found['lift']:+.1%} ({found['low']:+.1%} to {found['high']:+.1%})"
