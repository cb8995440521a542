"""The dashboard on the admin's first page: the verdict on each part of the service, views, ingest, queues, lists.

It runs a fixed number of statements over roll-ups and indexes, whatever the size of the inventory, because every
open page polls it every few seconds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.http import HttpRequest, JsonResponse

from movies.genres import GENRES, OVERALL, label
from movies.palette import COLOURS
from movies.search import selections
from movies.search.selections import Selection
from tetraflix.background import schedule
from tetraflix.backoffice.concentration_panel import concentration
from tetraflix.backoffice.experiment_panel import running_experiment
from tetraflix.backoffice.queue_panel import queue_rows
from tetraflix.backoffice.verdict_panel import verdict_strip
from tetraflix.embedded import disk
from tetraflix.health import service_state
from tetraflix.health.service_state import Ingest
from tetraflix.health.verdicts import Facts

DAYS = 30
MINUTES = 60
TOP = 5  # movies of a genre
CANDIDATES = 50  # movies of a list that are read, in case the first are hidden
REFRESH_SECONDS = 5

VIEWS = "SELECT day, genre, weight FROM movies_genreviews WHERE day > %s AND day <= %s"
TOPS = f"""
SELECT p.genre, extract(epoch FROM now() - p.refreshed_at)::float8, best.id, best.title, best.views, best.weight
FROM movies_popularlist p LEFT JOIN LATERAL (
    SELECT m.id, m.title, coalesce(v.views, 0) AS views, m.profile[array_position(%s::text[], p.genre)] AS weight
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
        "dashboard": dashboard_data(request.user),
        "refresh_seconds": REFRESH_SECONDS,
        "days": DAYS,
        "minutes": MINUTES,
    }


def dashboard_json(request: HttpRequest) -> JsonResponse:
    """`GET /admin/dashboard.json`: the same data."""
    return JsonResponse(dashboard_data(request.user))


def dashboard_data(user: User | AnonymousUser) -> dict[str, Any]:
    """Everything the page shows, with links to what the user may see.

    Null for the queues when SQS does not answer, for the lists until they are measured, for the experiment while none
    runs, and for values that do not exist.
    """
    now = datetime.now(UTC)
    tops = _tops()
    ingest = _ingest(now)
    queues = service_state.queue_depths.get()
    background = service_state.background()
    unread = queues[settings.CHANGES_QUEUE].depth if queues else 0
    feed = service_state.feed(unread)
    users = service_state.user_count()
    experiment = running_experiment()
    facts = Facts(
        queues=queues,
        heartbeat_ages=background.heartbeat_ages,
        background_problems=schedule.overdue(background.pending),
        failing=background.failing,
        slowest_seconds=max(ingest.slowest.values(), default=None),
        outbox_seconds=feed.lag_seconds,
        popularity_seconds=max((top["age_seconds"] for top in tops), default=None),
        database_problems=_database_problems(users),
    )
    return {
        **verdict_strip(facts, experiment, user),
        "genres": [{"name": genre, "label": label(genre), "colour": COLOURS[genre]} for genre in GENRES],
        "views": _views(now),
        "tops": tops,
        "popularity_age_seconds": facts.popularity_seconds,
        "ingest": {"minutes": ingest.minutes, "queues": ingest.queues, "last_hour": ingest.last_hour},
        "queues": queue_rows(
            queues, feed, ingest.last_minute, ingest.slowest, background.pending, user.has_perm
        ),
        "concentration": concentration(),
        "experiment": experiment,
        "movies": str(selections.approximate_count(Selection())),
        "users": users,
        "at": f"{now:%Y-%m-%d %H:%M:%S} UTC",
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
    for genre, age, movie_id, title, views, weight in _rows(TOPS, [list(GENRES)]):
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
            # the score that the lists are sorted by, in views: all of them overall, the genre's share in a genre
            share = 100 if genre == OVERALL else weight
            score = round(views * share / 100)
            entry["movies"].append(
                {"id": movie_id, "title": title, "views": views, "share": share, "score": score}
            )
    return [found[genre] for genre in (OVERALL, *GENRES) if genre in found]


@dataclass(frozen=True, slots=True)
class RecentIngest:
    """Messages a minute by queue over the last MINUTES whole minutes, and what follows from the same rows.

    The minute under way is not among them, because a part of a minute looks like a fall. `slowest` is the greatest
    ingest latency by queue in seconds, of the minute under way and the last whole one.
    """

    minutes: list[str]
    queues: dict[str, list[int]]
    last_hour: dict[str, int]
    last_minute: dict[str, Ingest]
    slowest: dict[str, float]


def _ingest(now: datetime) -> RecentIngest:
    this_minute = now.replace(second=0, microsecond=0)
    minutes = [this_minute - timedelta(minutes=ago) for ago in range(MINUTES, 0, -1)]
    places = {minute: place for place, minute in enumerate(minutes)}
    found = RecentIngest(
        [f"{minute:%H:%M}" for minute in minutes], {}, dict.fromkeys(Ingest._fields[:-1], 0), {}, {}
    )
    for minute, queue, ingest in service_state.ingest_after(minutes[0] - timedelta(seconds=1)):
        if minute in places:
            found.queues.setdefault(queue, [0] * MINUTES)[places[minute]] = ingest.messages
            for name in found.last_hour:
                found.last_hour[name] += getattr(ingest, name)
        if minute == minutes[-1]:
            found.last_minute[queue] = ingest
        if minute >= minutes[-1]:
            found.slowest[queue] = max(found.slowest.get(queue, 0.0), ingest.slowest_ms / 1000)
    return found


def _database_problems(users: int | None) -> list[str]:
    """What is wrong with the database that answered for this page: its migrations, the other store, the disk."""
    problems = []
    readiness = service_state.readiness.latest()
    if readiness is not None and readiness.missing_migrations:
        problems.append(f"Not applied: {', '.join(readiness.missing_migrations)}. Run `manage.py migrate`.")
    if users is None:
        problems.append("The store of the users' lists does not answer: see MONGODB_URL.")
    if line := disk.full_line(settings.VAR_DIR):
        problems.append(line)
    return problems


def _rows(sql: str, parameters: list[Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
