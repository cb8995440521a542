"""The first page of the admin: what is watched, what comes in, how fresh and how large everything is.

A fixed number of statements over roll-ups and indexes, whatever the size of the inventory: every open page
asks anew every few seconds.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.http import HttpRequest, JsonResponse

from movies.genres import GENRES, OVERALL, label
from movies.palette import COLOURS
from movies.search import selections
from movies.search.selections import Selection
from recommendations import stores
from recommendations.stores.base import StoreUnavailable
from tetraflix.background import heartbeats, schedule
from tetraflix.health.queue_depths import queue_sizes

DAYS = 30
MINUTES = 60
TOP = 5  # movies of a genre
LOOKED_THROUGH = 50  # of a list, in case the first are hidden
REFRESH_SECONDS = 5

VIEWS = "SELECT day, genre, weight FROM movies_genreviews WHERE day > %s AND day <= %s"
TOPS = f"""
SELECT p.genre, extract(epoch FROM now() - p.refreshed_at)::float8, best.id, best.title, best.views
FROM movies_popularlist p LEFT JOIN LATERAL (
    SELECT m.id, m.title, coalesce(v.views, 0) AS views
    FROM unnest(p.movie_ids[1:{LOOKED_THROUGH}]) WITH ORDINALITY AS listed (id, place)
    JOIN movies_movie m ON m.id = listed.id AND NOT m.hidden
    LEFT JOIN movies_viewcount v ON v.movie_id = m.id
    ORDER BY listed.place LIMIT {TOP}
) AS best ON true
"""  # noqa: S608
INGEST = """
SELECT minute, queue, messages, events, views, skipped, poison, slowest_ms
FROM sessions_ingest_ingestminute WHERE minute > %s ORDER BY minute
"""
OUTBOX = """
SELECT extract(epoch FROM now() - at)::float8 FROM movies_moviechange
WHERE sent_at IS NULL ORDER BY id LIMIT 1
"""


def first_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The figures as of now come with the page; dashboard.js draws them and asks for newer ones."""
    return context | {
        "title": "Dashboard",
        "figures": figures(),
        "refresh_seconds": REFRESH_SECONDS,
        "days": DAYS,
        "minutes": MINUTES,
    }


def figures_json(request: HttpRequest) -> JsonResponse:
    """`GET /admin/dashboard.json`: the same figures."""
    return JsonResponse(figures())


def figures() -> dict[str, Any]:
    """Everything the page shows. SQS that does not answer in time is null; so are absent figures."""
    now = datetime.now(UTC)
    tops = _tops()
    return {
        "genres": [{"name": genre, "label": label(genre), "colour": COLOURS[genre]} for genre in GENRES],
        "views": _views(now),
        "tops": tops,
        "popularity_age_seconds": tops[0]["age_seconds"] if tops else None,
        "ingest": _ingest(now),
        "queues": _queues(),
        "outbox_age_seconds": _outbox_age(),
        "beat_age_seconds": heartbeats.age("beat"),
        "problems": [*heartbeats.silences(), *schedule.late()],
        "movies": str(selections.approximate_count(Selection())),
        "users": _users(),
    }


def _views(now: datetime) -> dict[str, Any]:
    """Views per genre per day: a view counts for each of its movie's genres by its weight, 1 in all."""
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
    """The best movies of each list that there is, in the order of the genres, the overall one first."""
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
    sums = dict.fromkeys(("messages", "events", "views", "skipped", "poison"), 0)
    slowest: int | None = None
    for minute, queue, *numbers, slowest_ms in _rows(INGEST, [minutes[0] - timedelta(seconds=1)]):
        if minute in places:
            queues.setdefault(queue, [0] * MINUTES)[places[minute]] = numbers[0]
            sums = {name: sums[name] + number for name, number in zip(sums, numbers, strict=True)}
            if minute in minutes[-2:]:
                slowest = max(slowest or 0, slowest_ms)
    return {
        "minutes": [f"{minute:%H:%M}" for minute in minutes],
        "queues": queues,
        "last_hour": sums,
        "slowest_ms": slowest,
    }


def _queues() -> list[dict[str, Any]] | None:
    sizes = queue_sizes()
    if sizes is None:
        return None
    return [{"name": name, "depth": size.depth, "dead": size.dead} for name, size in sizes.items()]


def _outbox_age() -> float | None:
    rows = _rows(OUTBOX, [])
    return rows[0][0] if rows else None


class _Users:
    """How many users there are, asked at most once a minute: a store counts them one by one."""

    KEPT_SECONDS = 60.0

    def __init__(self) -> None:
        self._number, self._until = 0, 0.0

    def __call__(self) -> int | None:
        """None while the store does not answer."""
        if time.monotonic() >= self._until:
            try:
                self._number = stores.current().count()
            except StoreUnavailable:
                return None
            self._until = time.monotonic() + self.KEPT_SECONDS
        return self._number


_users = _Users()


def _rows(sql: str, parameters: list[Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
