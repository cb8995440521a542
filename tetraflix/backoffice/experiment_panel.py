"""The dashboard's line about the running experiment; its report is computed each minute beside the requests."""

from typing import Any

from django.db import connection
from django.urls import reverse

from recommendations.experiments import lifecycle
from recommendations.experiments.report import report
from tetraflix.health.background_cache import BackgroundCache

KEEP_SECONDS = 60.0  # a report sums up the days of all users in the experiment
MAX_AGE_SECONDS = 600.0  # an older one is not shown


def _look() -> dict[str, Any]:
    try:
        running = lifecycle.running()
        if running is None:
            return {}
        found = report(running.name)
        return {
            "name": running.name,
            "verdict": found["verdict"],
            "withheld": bool(found["problems"]),
            "exposed": sum(arm["exposed"] for arm in found["arms"]),
            "address": reverse("admin:recommendations_experiment_change", args=[running.id]),
        }
    finally:
        connection.close()  # of the thread that looks: a minute passes until the next time


_cached = BackgroundCache(_look, keep_seconds=KEEP_SECONDS, max_age_seconds=MAX_AGE_SECONDS)


def running_experiment() -> dict[str, Any] | None:
    """Name, verdict, exposed users and address of the running experiment; None if none runs or none is known yet."""
    return _cached.latest() or None  # never waits: the dashboard asks again every few seconds


def forget() -> None:
    """The next call looks again."""
    _cached.clear()
