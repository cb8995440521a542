"""What clients read of the inventory: one movie, and a genre's most popular ones."""

import functools
import time
from collections.abc import Callable
from typing import Any, ClassVar

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from movies.api.etags import etag, not_modified
from movies.catalog.movie_cache import NO_PROGRESS, render_entry, render_list
from movies.catalog.popular_cache import MAX_POPULAR_MOVIES, popular_entries
from movies.foundation.events import Activity, activity_subscribers
from movies.foundation.numbers import whole_number
from movies.foundation.prepared_statements import PreparedStatement
from movies.genres import GENRE_POSITION, GENRES
from movies.models import Movie

DEFAULT_LIMIT = 20
SAFE = frozenset(("GET", "HEAD"))

MOVIE = PreparedStatement(
    "movies_one",
    ("bigint",),
    "SELECT m.id, m.title, array_to_string(m.profile, ','), m.version"
    " FROM (SELECT) AS one LEFT JOIN movies_movie m ON m.id = $1 AND NOT m.hidden",
)


class ReadView(APIView):
    """A view whose `get` takes Django's request and gives JSON that is ready.

    Where reads are open to all, GET and HEAD go past DRF's authentication, parsers and permissions, to one
    instance that serves them all: `get` keeps nothing on `self`. Other methods, and reads whose key matters, go
    through DRF.
    """

    get: Callable[..., HttpResponse]  # each view's own
    # A key of `required_role` is shown more than everybody is. So a key that is sent is looked at, and 401 answers
    # one that is invalid, instead of an answer that silently lacks what its holder expects.
    key_shows_more: ClassVar[bool] = False

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:  # DRF's own type names a protocol of its stubs
        through_drf = super().as_view(**initkwargs)
        shared = cls(**initkwargs)

        @functools.wraps(through_drf)
        def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if (
                request.method not in SAFE
                or settings.READS_NEED_KEY
                or (cls.key_shows_more and "HTTP_AUTHORIZATION" in request.META)
            ):
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

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """No answer that came through DRF is kept by a cache either, unless it says so itself."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def shows_hidden(self, request: Any) -> bool:
        """Whether the caller may see hidden movies: always false for a request that came past DRF."""
        role = getattr(getattr(request, "auth", None), "role", None)
        return role is not None and role == getattr(self, "required_role", None)


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
        movies = popular_entries(genre, _limit(request) if request.META["QUERY_STRING"] else DEFAULT_LIMIT)
        for hear in activity_subscribers:
            hear(Activity("genre-data", genre, len(movies), time.time()))
        return ready(b'{"genre":%b}' % render_list(movies))


def _limit(request: HttpRequest) -> int:
    number = whole_number(request.GET.get("limit", str(DEFAULT_LIMIT)), most=MAX_POPULAR_MOVIES)
    if number is None:
        raise ValidationError({"limit": [f"A whole number from 1 to {MAX_POPULAR_MOVIES}."]})
    return number


def written(movie: Movie) -> bytes:
    """A movie as its distributors see it: as everybody does, and what they need to change it safely."""
    more = orjson.dumps({"hidden": movie.hidden, "version": movie.version})
    seen = render_entry(movie.id, movie.title, movie.profile) + NO_PROGRESS
    return seen[:-1] + b"," + more[1:]


class MovieView(ReadView):
    """`GET /tetraflix/movies/<id>`"""

    key_shows_more = True

    def get(self, request: HttpRequest, movie_id: str) -> HttpResponse:
        number = whole_number(movie_id)
        if self.shows_hidden(request):
            movie = Movie.objects.filter(id=number or 0).first()
            found = movie and (written(movie), movie.version)
        else:
            found = _visible(number) if number else None
        if not found:
            raise NotFound("There is no such movie.")
        body, version = found
        tag = etag(version)
        if not_modified(request.META.get("HTTP_IF_NONE_MATCH", ""), tag):
            response = HttpResponse(status=304)
            del response.headers["Content-Type"]
        else:
            response = ready(body)
        response.headers["ETag"] = tag
        # A client may keep it and ask each time whether it is still right; nobody else's cache may.
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Authorization"
        return response


def _visible(movie_id: int) -> tuple[bytes, int] | None:
    """The movie as everybody sees it, and its version."""
    found, title, weights, version = MOVIE.row(str(movie_id))
    return None if found is None else (render_entry(found, title, weights.split(",")) + NO_PROGRESS, version)
