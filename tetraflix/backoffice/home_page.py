"""The page for people at `/`: what this is; any user, genre or search as a client would show it."""

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from movies.genres import GENRES, label
from movies.palette import COLOURS
from recommendations import stores
from tetraflix.web.error_responses import UNAVAILABLE_ERRORS

SAMPLES = 4  # users offered to look at
SOMEBODY_NEW = 534356757834  # whom nobody has heard of: shows the cold start


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """`GET /`; also while the database is away, only without samples."""
    try:
        users = [user_id for user_id, _ in stores.current().scan(0, SAMPLES)]
    except UNAVAILABLE_ERRORS:
        users = []
    genres = [{"name": name, "label": label(name), "colour": COLOURS[name]} for name in GENRES]
    context = {
        "users": users,
        "new": SOMEBODY_NEW,
        "genres": genres,
        "genres_json": orjson.dumps(genres).decode(),
    }
    return render(request, "site/home.html", context)
