"""The home page at `/`: shows any user, genre or search as a client would."""

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from movies.genres import GENRES, label
from movies.palette import COLOURS
from recommendations import stores
from recommendations.recommender import changed_users
from tetraflix.web.error_responses import UNAVAILABLE_ERRORS

SAMPLE_USERS = 4  # offered as examples
NEW_USER_ID = 534356757834  # without any record: shows the cold start


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """`GET /`; without sample users while the database is unavailable."""
    try:
        # the lists of users who finished a movie just now are about to change
        found = [*changed_users.latest(SAMPLE_USERS), *stores.current().ids(0, SAMPLE_USERS)]
        users = list(dict.fromkeys(found))[:SAMPLE_USERS]
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
