"""The home page at `/`: shows any user, genre or search as a client would."""

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from movies.genres import GENRES, label
from movies.palette import COLOURS
from recommendations import stores
from tetraflix.web.error_responses import UNAVAILABLE_ERRORS

SAMPLE_USERS = 4  # offered as examples
NEW_USER_ID = 534356757834  # without any record: shows the cold start


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """`GET /`; without sample users while the database is unavailable."""
    try:
        users = [user_id for user_id, _ in stores.current().scan(0, SAMPLE_USERS)]
    except UNAVAILABLE_ERRORS:
        users = []
    genres = [{"name": name, "label": label(name), "colour": COLOURS[name]} for name in GENRES]
    context = {
        "users": users,
        "new": NEW_USER_ID,
        "genres": genres,
        "genres_json": orjson.dumps(genres).decode(),
    }
    return render(request, "site/home.html", context)
