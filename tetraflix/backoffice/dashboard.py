"""The dashboard on the admin's first page: views, ingest, queues, lists, and the state of the service.

It runs a fixed number of statements over roll-ups and indexes, whatever the size of the inventory, because every
open page polls it every few seconds.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.http import HttpRequest, JsonResponse

from movies.genres import GENRES, OVERALL, label
from movies.palette import COLOURS
from movies.search import selections
from movies.search.selections import Selection
from tetraflix.backoffice.concentration_panel import concentration
from tetraflix.backoffice.experiment_panel import running_experiment
from tetraflix.health import service_state
from tetraflix.health.service_state import Ingest

DAYS = 30
MINUTES = 60
TOP = 5  # movies of a genre
CANDIDATES = 50  # movies of a list that are read, in case the first are hidden
REFRESH_SECONDS = 5

VIEWS = "SELECT day, genre, weight FROM movies_genreviews WHERE day > %s AND day <= %s"
TOPS = f"""
SELECT p.genre, extract(epoch FROM now() - p.refreshed_at)::float8, best.id, best.title, best.views
FROM movies_popularlist p LEFT JOIN LATERAL (
    SELECT m.id, m.title, coalesce(v.views, 0) AS views
    FROM unnest(p.movie_ids[1:{CANDIDATES}]) WITH ORDINALITY AS listed (id, place)
    JOIN movies_movie m ON m.id = listed.id AND NOT m.hidden
    LEFT JOIN movies_viewcount v ON v.movie_id = m.id
    ORDER BY listed.place LIMIT {TOP}
) AS best ON true
"""  # noqa: S608


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The context of the admin's first page, with present data; dashboard.js draws it and polls for newer data."""
    return context | {
        "title": "Dashboard",
        "dashboard": dashboard_data(),
        "refresh_seconds": REFRESH_SECONDS,
        "days": DAYS,
        "minutes": MINUTES,
    }


def dashboard_json(request: HttpRequest) -> JsonResponse:
    """`GET /admin/dashboard.json`: the same data."""
    return JsonResponse(dashboard_data())


def dashboard_data() -> dict[str, Any]:
    """Everything the page shows.

    Null for the queues when SQS does not answer, for the lists until they are measured, for the experiment while none
    runs, and for values that do not exist.
    """
    now = datetime.now(UTC)
    tops = _tops()
    outbox = service_state.outbox(count_at_most=1)
    ages = service_state.heartbeat_ages()
    return {
        "genres": [{"name": genre, "label": label(genre), "colour": COLOURS[genre]} for genre in GENRES],
        "views": _views(now),
        "tops": tops,
        "popularity_age_seconds": tops[0]["age_seconds"] if tops else None,
        "ingest": _ingest(now),
        "queues": _queues(),
        "concentration": concentration(),
        "experiment": running_experiment(),
        "outbox_age_seconds": outbox.lag_seconds if outbox.changes else None,
        "beat_age_seconds": ages["beat"],
        "problems": service_state.problems(ages),
        "movies": str(selections.approximate_count(Selection())),
        "users": service_state.user_count(),
    }


def _views(now: datetime) -> dict[str, Any]:
    """Views per genre per day: a view counts for each genre of its movie by weight, with a sum of 1."""
    days = [now.date() - timedelta(days=ago) for ago in reversed(range(DAYS))]
    places = {day: place for place, day in enumerate(days)}
    series = {genre: [0.0] * DAYS for genre in GENRES}
    for day, genre, weight in _rows(VIEWS, [days[0] - timedelta(days=1), days[-1]]):
        if genre in series:
            series[genre][places[day]] = weight / 100
    total = sum(map(sum, series.values()))
    today = sum(values[-1] for values in series.values())
    return {
        "days": [day.isoformat() for day in days],
        "series": {genre: [round(value, 2) for value in values] for genre, values in series.items()},
        "total": round(total),
        "today": round(today),
    }


def _tops() -> list[dict[str, Any]]:
    """The best movies of each list that exists, the overall list first, then by genre."""
    found: dict[str, dict[str, Any]] = {}
    for genre, age, movie_id, title, views in _rows(TOPS, []):
        entry = found.setdefault(
            genre,
            {
                "genre": genre,
                "label": label(genre),
                "colour": COLOURS.get(genre, "#888888"),
                "age_seconds": age,
                "movies": [],
            },
        )
        if movie_id is not None:
            entry["movies"].append({"id": movie_id, "title": title, "views": views})
    return [found[genre] for genre in (OVERALL, *GENRES) if genre in found]


def _ingest(now: datetime) -> dict[str, Any]:
    """Messages a minute of each queue, over the last hour."""
    this_minute = now.replace(second=0, microsecond=0)
    minutes = [this_minute - timedelta(minutes=ago) for ago in reversed(range(MINUTES))]
    places = {minute: place for place, minute in enumerate(minutes)}
    queues: dict[str, list[int]] = {}
    sums = dict.fromkeys(Ingest._fields[:-1], 0)
    slowest: int | None = None
    for minute, queue, ingest in service_state.ingest_after(minutes[0] - timedelta(seconds=1)):
        if minute in places:
            queues.setdefault(queue, [0] * MINUTES)[places[minute]] = ingest.messages
            sums = {name: total + getattr(ingest, name) for name, total in sums.items()}
            if minute in minutes[-2:]:
                slowest = max(slowest or 0, ingest.slowest_ms)
    return {
        "minutes": [f"{minute:%H:%M}" for minute in minutes],
        "queues": queues,
        "last_hour": sums,
        "slowest_ms": slowest,
    }


def _queues() -> list[dict[str, Any]] | None:
    queues = service_state.queue_depths.get()
    if queues is None:
        return None
    return [{"name": name, "depth": queue.depth, "dead": queue.dead} for name, queue in queues.items()]


def _rows(sql: str, parameters: list[Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
