"""The dashboard's panel about the concentration of the lists, measured every few minutes beside the requests."""

import time
from dataclasses import asdict
from typing import Any

from django.db import connection

from recommendations.recommender.concentration import ALL, Report, report
from tetraflix.health.background_cache import BackgroundCache

KEEP_SECONDS = 300.0  # a report takes about a second of CPU, and 80 MB for a moment
MAX_AGE_SECONDS = 1_800.0  # an older one is not shown
LABELS = {ALL: "all", "bus": "the bus", "generated": "generated (seed_users)"}


def _measure() -> tuple[float, Report]:
    try:
        return time.time(), report()
    finally:
        connection.close()  # of the thread that measures: minutes pass until the next time


_cached = BackgroundCache(_measure, keep_seconds=KEEP_SECONDS, max_age_seconds=MAX_AGE_SECONDS)


def concentration() -> dict[str, Any] | None:
    """The latest report; None while there is none."""
    found = _cached.latest()  # never waits: the dashboard asks again every few seconds
    if found is None:
        return None
    at, measured = found
    return {
        "sentence": measured.sentence,
        "age_seconds": time.time() - at,
        "parts": [
            asdict(part)
            | {
                "label": LABELS.get(part.made_by, f"own, {part.made_by}"),
                "title": measured.titles.get(part.top_movie or 0, ""),
            }
            for part in measured.parts
        ],
    }


def forget() -> None:
    """The next call measures again."""
    _cached.clear()
