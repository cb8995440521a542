"""The JSON behind the home page: why a movie is on it, a user's further rows, and the views counted today.

What is explained is a user's viewing history. In the demo everybody may read it; elsewhere staff who may see users.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from movies.catalog.movie_cache import NO_PROGRESS
from movies.foundation.numbers import MAX_BIGINT, whole_number
from recommendations.explanations.further_rows import further_rows
from recommendations.explanations.why import why
from recommendations.recommender import snapshot
from recommendations.recommender.snapshot import Current
from tetraflix.health.background_cache import BackgroundCache

# A snapshot of 300,000 movies takes seconds to load, which a request does not wait for.
MOVIES_SECONDS = 60.0
MOVIES_MAX_AGE_SECONDS = 3600.0  # while none can be loaded
LIVE_SECONDS = 1.0  # all pages that are open share one statement
LIVE_KEY = "tetraflix.views_today"
NOT_ALLOWED = (
    "This explains what a user watched. In the demo everybody may read it, elsewhere staff who may see users: "
    "log in to the admin first."
)
BAD_USER = f"A user is a whole number from 1 to {MAX_BIGINT}."
NO_MOVIE = "There is no such movie."


def _load() -> Current:
    try:
        return snapshot.current()
    finally:
        connection.close()  # the thread lives on


movies = BackgroundCache(_load, keep_seconds=MOVIES_SECONDS, max_age_seconds=MOVIES_MAX_AGE_SECONDS)


def may_explain(request: HttpRequest) -> bool:
    """Whether the caller may read why a user is shown a movie."""
    user = request.user
    return settings.ENVIRONMENT == "demo" or (
        user.is_active and user.is_staff and user.has_perm("recommendations.view_userlists")
    )


def _explaining(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answers 403 to callers who may not read explanations."""

    @require_safe
    @wraps(view)
    def checked(request: HttpRequest, **parameters: str) -> HttpResponse:
        return view(request, **parameters) if may_explain(request) else _error(403, NOT_ALLOWED)

    return checked


@_explaining
def why_json(request: HttpRequest, user: str, movie: str) -> HttpResponse:
    """`GET /site/why/<user>/<movie>`. `score` is null while the movies are being loaded, which takes seconds."""
    user_id, movie_id = whole_number(user), whole_number(movie)
    if user_id is None:
        return _error(404, BAD_USER)
    found = why(user_id, movie_id, movies.get()) if movie_id else None
    return _error(404, NO_MOVIE) if found is None else _json(orjson.dumps(found, option=orjson.OPT_INDENT_2))


@_explaining
def rows_json(request: HttpRequest, user: str) -> HttpResponse:
    """`GET /site/rows/<user>`: the user's top genres, and movies like the last finished one.

    503 while the movies are being loaded.
    """
    user_id = whole_number(user)
    if user_id is None:
        return _error(404, BAD_USER)
    loaded = movies.get()
    if loaded is None:
        return _error(503, "The movies are being loaded. Try again in a moment.")
    genres, finished, like = further_rows(user_id, loaded)
    return _json(
        b'{"genres":%b,"finished":%b,"like":[%b]}'
        % (
            orjson.dumps([genre._asdict() for genre in genres]),
            finished + NO_PROGRESS if finished else b"null",
            b",".join(movie + NO_PROGRESS for movie in like),
        )
    )


@require_safe
def live_json(request: HttpRequest) -> HttpResponse:
    """`GET /site/live`: the views counted today, at most LIVE_SECONDS ago."""
    return _json(orjson.dumps({"viewsToday": cache.get_or_set(LIVE_KEY, views_today, LIVE_SECONDS)}))


def views_today() -> int:
    """The views counted since midnight UTC. A view raises the weights of its day by 100 in all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(weight), 0)::bigint / 100 FROM movies_genreviews"
            " WHERE day = (now() AT TIME ZONE 'UTC')::date"
        )
        return int(cursor.fetchone()[0])


def _json(body: bytes, status: int = 200) -> HttpResponse:
    headers: dict[str, Any] = {"Cache-Control": "no-store"}
    return HttpResponse(body, content_type="application/json", status=status, headers=headers)


def _error(status: int, detail: str) -> HttpResponse:
    return _json(orjson.dumps({"detail": detail}), status)
