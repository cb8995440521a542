"""What clients read of the inventory: one movie, and a genre's most popular ones."""

import functools
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from movies.catalog import NO_PROGRESS, entry, listed
from movies.charts import LONGEST, most_popular
from movies.genres import GENRE_POSITION, GENRES
from movies.numbers import whole_number
from movies.prepared import Prepared
from movies.signals import Activity, activity_listeners

DEFAULT_LIMIT = 20
SAFE = frozenset(("GET", "HEAD"))

MOVIE = Prepared(
    "movies_one",
    ("bigint",),
    "SELECT m.id, m.title, array_to_string(m.profile, ',')"
    " FROM (SELECT) AS one LEFT JOIN movies_movie m ON m.id = $1 AND NOT m.hidden",
)


class ReadView(APIView):
    """A view whose `get` takes Django's request and gives JSON that is ready.

    Where reads are open to all, GET and HEAD go past DRF's negotiation, parsers and permissions, to one
    instance that serves them all: `get` keeps nothing on `self`. Other methods, and reads that need a key,
    go through DRF.
    """

    get: Callable[..., HttpResponse]  # each view's own

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:  # DRF's own type names a protocol of its stubs
        through_drf = super().as_view(**initkwargs)
        shared = cls(**initkwargs)

        @functools.wraps(through_drf)
        def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in SAFE or settings.READS_NEED_KEY:
                return through_drf(request, *args, **kwargs)
            try:
                return shared.get(request, *args, **kwargs)
            except Exception as error:
                return shared._refused(request, error)

        return view

    def _refused(self, request: HttpRequest, error: Exception) -> HttpResponse:
        """The error as DRF's handler answers it; raises it again when that has no answer."""
        response = self.get_exception_handler()(error, {"view": self, "request": request})
        if response is None:
            raise error
        refused = HttpResponse(
            JSONRenderer().render(response.data), content_type="application/json", status=response.status_code
        )
        for name, value in response.headers.items():
            refused.headers.setdefault(name, value)
        refused.headers["Cache-Control"] = "no-store"
        return refused


def ready(body: bytes) -> HttpResponse:
    """JSON as it is. Never to be kept by a cache: the next request may find the inventory changed."""
    response = HttpResponse(body, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


class GenreView(ReadView):
    """`GET /tetraflix/genre/<genre>?limit=`"""

    def get(self, request: HttpRequest, genre: str) -> HttpResponse:
        if genre not in GENRE_POSITION:
            raise NotFound(f"Unknown genre. The {len(GENRES)} are: {', '.join(GENRES)}.")
        movies = most_popular(genre, _limit(request) if request.META["QUERY_STRING"] else DEFAULT_LIMIT)
        for hear in activity_listeners:
            hear(Activity("genre-data", genre, len(movies), time.time()))
        return ready(b'{"genre":%b}' % listed(movies))


def _limit(request: HttpRequest) -> int:
    number = whole_number(request.GET.get("limit", str(DEFAULT_LIMIT)), most=LONGEST)
    if number is None:
        raise ValidationError({"limit": [f"A whole number from 1 to {LONGEST}."]})
    return number


class MovieView(ReadView):
    """`GET /tetraflix/movies/<id>`"""

    def get(self, request: HttpRequest, movie_id: str) -> HttpResponse:
        number = whole_number(movie_id)
        found, title, weights = MOVIE.row(str(number)) if number else (None, "", "")
        if found is None:
            raise NotFound("There is no such movie.")
        return ready(entry(found, title, weights.split(",")) + NO_PROGRESS)
