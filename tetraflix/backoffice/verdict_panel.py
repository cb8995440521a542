"""The dashboard's strip of verdicts: one chip for each part of the service, with a link to the page that helps."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse

from tetraflix.health.verdicts import Facts, State, Verdict, overall, verdicts

SIGNS = {State.GOOD: "✓", State.WARN: "!", State.BAD: "✕", State.OFF: "·"}  # beside the colour
# By part the page that helps, and the permission that it needs; the sections of the dashboard need none.
PAGES = {
    "ingest": ("#queues", None),
    "dead_letters": ("admin:sessions_ingest_deadletteract_changelist", "sessions_ingest.view_deadletteract"),
    "change_feed": ("#queues", None),
    "scheduler": ("admin:movies_job_changelist", "movies.view_job"),
    "popularity": ("#popular", None),
    "database": ("/readyz", None),
    "experiment": ("admin:recommendations_experiment_changelist", "recommendations.view_experiment"),
}


def verdict_strip(
    facts: Facts, experiment: dict[str, Any] | None, user: User | AnonymousUser
) -> dict[str, Any]:
    """The chips, the sentence about all of them, and what to do about each problem."""
    found = [*verdicts(facts), _experiment(experiment)]
    state, sentence = overall(found)
    return {
        "state": state,
        "sentence": sentence,
        "problems": [line for one in found for line in one.problems],
        "chips": [
            {
                "part": one.part,
                "label": one.label,
                "state": one.state,
                "sign": SIGNS[one.state],
                "word": one.word,
                "detail": one.detail,
                "address": _address(one.part, experiment, user.has_perm),
            }
            for one in found
        ],
    }


def _experiment(running: dict[str, Any] | None) -> Verdict:
    """Of the experiment that runs: whether a check withholds its verdict."""
    if running is None:
        return Verdict("experiment", "Experiment", State.OFF, "none", "none runs")
    if running["withheld"]:
        line = f"The verdict of the experiment {running['name']} is {running['verdict']}."
        return Verdict("experiment", "Experiment", State.BAD, "withheld", running["name"], (line,))
    return Verdict("experiment", "Experiment", State.GOOD, "running", running["name"])


def _address(part: str, experiment: dict[str, Any] | None, may: Callable[[str], bool]) -> str | None:
    page, permission = PAGES[part]
    if permission and not may(permission):
        return None
    if part == "experiment" and experiment:
        return experiment["address"]
    return reverse(page) if page.startswith("admin:") else page
