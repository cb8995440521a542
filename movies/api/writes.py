"""What distributors write: movies added, one or many at once, changed and removed."""

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.request import Request

from movies.api.bodies import body_of
from movies.api.etags import etag, read_tags
from movies.api.listing import MovieList
from movies.api.reads import MovieView, ready, written
from movies.foundation.numbers import whole_number
from movies.inventory import services
from movies.models import Movie

MOST_AT_ONCE = 1_000  # movies in one call
FIELDS = ("title", "profile", "hidden")
# of a movie as it is read: may come back with it, and is not written
READ_ONLY = ("id", "progress", "version")


class Conflict(APIException):
    """409: what is stored is not what the caller saw."""

    status_code = 409


class PreconditionFailed(APIException):
    """412: the movie is not at a version that If-Match names."""

    status_code = 412


class Movies(MovieList):
    """`/tetraflix/movies`: read by all, added to by distributors."""

    required_role = "distributor"

    def post(self, request: Request) -> HttpResponse:
        body = body_of(request)
        if isinstance(body, list):
            return self._add_many(_actor(request), body)
        fields = _fields(body, allowed=FIELDS, needed=("title", "profile"))
        try:
            movie = services.add_movie(actor=_actor(request), **fields)
        except services.BadMovie as error:
            raise ValidationError(_by_field(error.errors)) from None
        response = _answer(movie, 201)
        response["Location"] = reverse("movie", args=[movie.id])  # relative: it holds behind any proxy
        return response

    def _add_many(self, actor: str, bodies: list[Any]) -> HttpResponse:
        if not bodies:
            raise ValidationError({"non_field_errors": ["The list is empty."]})
        if len(bodies) > MOST_AT_ONCE:
            raise ValidationError(
                {"non_field_errors": [f"At most {MOST_AT_ONCE:,} in one call; these are {len(bodies):,}."]}
            )
        errors: dict[str, Any] = {}
        movies = []
        for place, body in enumerate(bodies):
            try:
                fields = _fields(body, allowed=FIELDS, needed=())
                movies.append(services.NewMovie(**{"title": None, "profile": None, **fields}))
            except ValidationError as error:
                errors[str(place)] = error.detail
        if errors:
            raise ValidationError(errors)
        try:
            added = services.add_movies(actor=actor, movies=movies)
        except services.BadMovies as error:
            raise ValidationError(
                {str(place): _by_field(bad) for place, bad in error.errors.items()}
            ) from None
        return _json(b"[%b]" % b",".join(map(written, added)), 201)


class OneMovie(MovieView):
    """`/tetraflix/movies/<id>`: read by all, written by distributors, who may write hidden ones too."""

    required_role = "distributor"

    def put(self, request: Request, movie_id: str) -> HttpResponse:
        fields = _fields(body_of(request), allowed=FIELDS + READ_ONLY, needed=("title", "profile"))
        return self._change(request, movie_id, {"hidden": False, **fields})

    def patch(self, request: Request, movie_id: str) -> HttpResponse:
        return self._change(
            request, movie_id, _fields(body_of(request), allowed=FIELDS + READ_ONLY, needed=())
        )

    def delete(self, request: Request, movie_id: str) -> HttpResponse:
        seen = _Seen(request, {})
        with _refusals(seen):
            services.delete_movie(
                actor=_actor(request), movie_id=_number(movie_id), expected_versions=seen.versions
            )
        return HttpResponse(status=204)

    def _change(self, request: Request, movie_id: str, fields: dict[str, Any]) -> HttpResponse:
        number = _number(movie_id)
        seen = _Seen(request, fields)
        if fields.get("id", number) != number:
            raise ValidationError({"id": [f"A movie keeps its id; this address is that of {number}."]})
        with _refusals(seen):
            movie = services.change_movie(
                actor=_actor(request),
                movie_id=number,
                expected_versions=seen.versions,
                **{name: value for name, value in fields.items() if name in FIELDS},
            )
        return _answer(movie, 200)


def _fields(body: Any, *, allowed: tuple[str, ...], needed: tuple[str, ...]) -> dict[str, Any]:
    """The body's fields. Raises ValidationError: no object, an unknown field, or a needed one missing."""
    if not isinstance(body, Mapping):
        raise ValidationError({"non_field_errors": ["A movie is an object with a title and a profile."]})
    errors = {
        name: [f"Unknown field; there are {', '.join(FIELDS)}."] for name in body if name not in allowed
    } | {name: ["This field is needed."] for name in needed if name not in body}
    if errors:
        raise ValidationError(errors)
    return dict(body)


class _Seen:
    """Which versions of the movie the caller may have seen, by If-Match and by the body's `version`.

    Raises ValidationError.
    """

    def __init__(self, request: Request, fields: Mapping[str, Any]) -> None:
        self.by_header = _if_match(request)
        self.versions = self.by_header  # None: any
        version = fields.get("version")
        if version is None:
            return
        if isinstance(version, bool) or not isinstance(version, int):
            raise ValidationError({"version": ["A whole number."]})
        self.versions = {version} if self.by_header is None else {version} & self.by_header


def _if_match(request: Request) -> Set[int] | None:
    """The versions whose tags If-Match lists; None when any will do. Weak tags, and those of others, name none."""
    header = request.headers.get("If-Match")
    try:
        tags = None if header is None else read_tags(header)
    except ValueError:
        problem = 'Entity tags of earlier answers, like "7" or "7", "8"; or *.'
        raise ValidationError({"If-Match": [problem]}) from None
    if tags is None:
        return None
    named = {whole_number(tag[1:-1]) for tag in tags}
    return {version for version in named if version is not None and etag(version) in tags}


@contextmanager
def _refusals(seen: _Seen) -> Iterator[None]:
    """What the services refuse, as HTTP says it."""
    try:
        yield
    except services.NoSuchMovie as error:
        raise NotFound(str(error)) from None
    except services.BadMovie as error:
        raise ValidationError(_by_field(error.errors)) from None
    except services.ChangedMeanwhile as error:
        if seen.by_header is not None and error.movie.version not in seen.by_header:
            raise PreconditionFailed(str(error)) from None
        raise Conflict(str(error)) from None


def _actor(request: Request) -> str:
    caller: Any = request.auth  # who holds the key; the history of changes names them
    return str(caller.actor)


def _number(movie_id: str) -> int:
    number = whole_number(movie_id)
    if number is None:
        raise NotFound("There is no such movie.")
    return number


def _by_field(errors: Mapping[str, str]) -> dict[str, list[str]]:
    return {field: [error] for field, error in errors.items()}


def _answer(movie: Movie, status: int) -> HttpResponse:
    response = _json(written(movie), status)
    response["ETag"] = etag(movie.version)
    return response


def _json(body: bytes, status: int) -> HttpResponse:
    response = ready(body)
    response.status_code = status
    return response
