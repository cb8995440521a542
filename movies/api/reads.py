"""`GET` of one movie, and of a genre's most popular movies."""

import time

import orjson
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import NotFound, ValidationError

from movies.api.etags import etag, not_modified
from movies.catalog.movie_cache import NO_PROGRESS, render_entry, render_list
from movies.catalog.popular_cache import MAX_POPULAR_MOVIES, popular_entries
from movies.foundation.events import Activity, activity_subscribers
from movies.foundation.numbers import whole_number
from movies.foundation.prepared_statements import PreparedStatement
from movies.foundation.read_view import ReadView, json_response
from movies.genres import GENRE_POSITION, GENRES
from movies.models import Movie

DEFAULT_LIMIT = 20

MOVIE = PreparedStatement(
    "movies_one",
    ("bigint",),
    "SELECT m.id, m.title, array_to_string(m.profile, ','), m.version"
    " FROM (SELECT) AS one LEFT JOIN movies_movie m ON m.id = $1 AND NOT m.hidden",
)


class GenreView(ReadView):
    """`GET /tetraflix/genre/<genre>?limit=`"""

    def get(self, request: HttpRequest, genre: str) -> HttpResponse:
        """By views x the movie's weight for the genre, as of the last full hour or so."""
        if genre not in GENRE_POSITION:
            raise NotFound(f"Unknown genre. The {len(GENRES)} are: {', '.join(GENRES)}.")
        movies = popular_entries(genre, _limit(request) if request.META["QUERY_STRING"] else DEFAULT_LIMIT)
        for receive in activity_subscribers:
            receive(Activity("genre-data", genre, len(movies), time.time()))
        return json_response(b'{"genre":%b}' % render_list(movies))


def _limit(request: HttpRequest) -> int:
    number = whole_number(request.GET.get("limit", str(DEFAULT_LIMIT)), most=MAX_POPULAR_MOVIES)
    if number is None:
        raise ValidationError({"limit": [f"A whole number from 1 to {MAX_POPULAR_MOVIES}."]})
    return number


def distributor_json(movie: Movie) -> bytes:
    """A movie as distributors see it: with `hidden` and the version, which a safe change needs."""
    more = orjson.dumps({"hidden": movie.hidden, "version": movie.version})
    seen = render_entry(movie.id, movie.title, movie.profile) + NO_PROGRESS
    return seen[:-1] + b"," + more[1:]


class MovieView(ReadView):
    """`GET /tetraflix/movies/<id>`"""

    key_shows_more = True

    def get(self, request: HttpRequest, movie_id: str) -> HttpResponse:
        """A distributor's key is shown hidden movies too. A movie as it was read can be sent back by PUT."""
        number = whole_number(movie_id)
        if self.shows_hidden(request):
            movie = Movie.objects.filter(id=number or 0).first()
            found = movie and (distributor_json(movie), movie.version)
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
            response = json_response(body)
        response.headers["ETag"] = tag
        # The client may keep it and must revalidate it at each use; no shared cache may keep it.
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Authorization"
        return response


def _visible(movie_id: int) -> tuple[bytes, int] | None:
    """The movie as every client sees it, and its version; None for a hidden or missing one."""
    found, title, weights, version = MOVIE.row(str(movie_id))
    return None if found is None else (render_entry(found, title, weights.split(",")) + NO_PROGRESS, version)
