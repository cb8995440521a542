"""Writes of distributors: add one or many movies, change one, remove one."""

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
from movies.api.reads import MovieView, distributor_json
from movies.api.serializers import (
    MAX_MOVIES_PER_REQUEST,
    WRITABLE_FIELDS,
    MovieUpdateSerializer,
    NewMovieSerializer,
)
from movies.foundation.numbers import whole_number
from movies.foundation.read_view import json_response
from movies.inventory import services
from movies.models import Movie


class Conflict(APIException):
    """409: the movie is not at the version that the body names."""

    status_code = 409


class PreconditionFailed(APIException):
    """412: the movie is not at a version that If-Match names."""

    status_code = 412


class Movies(MovieList):
    """`/tetraflix/movies`: every client reads, distributors add."""

    required_role = "distributor"

    def post(self, request: Request) -> HttpResponse:
        """A list is added as a whole or not at all; errors are by its index.

        Every change is also announced on the bus.
        """
        body = body_of(request)
        if isinstance(body, list):
            return self._add_many(_actor(request), body)
        fields = _validated(NewMovieSerializer(data=body))
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
        if len(bodies) > MAX_MOVIES_PER_REQUEST:
            raise ValidationError(
                {
                    "non_field_errors": [
                        f"At most {MAX_MOVIES_PER_REQUEST:,} in one call; these are {len(bodies):,}."
                    ]
                }
            )
        # partial, because the inventory reports what a movie of the list lacks
        shape = NewMovieSerializer(partial=True)
        errors: dict[str, Any] = {}
        movies = []
        for place, body in enumerate(bodies):
            try:
                fields = shape.run_validation(body)
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
        return json_response(b"[%b]" % b",".join(map(distributor_json, added)), 201)


class OneMovie(MovieView):
    """`/tetraflix/movies/<id>`: every client reads, distributors change and remove, hidden movies too."""

    required_role = "distributor"

    def put(self, request: Request, movie_id: str) -> HttpResponse:
        """Without `hidden`, the movie is shown."""
        fields = _validated(MovieUpdateSerializer(data=body_of(request)))
        return self._change(request, movie_id, {"hidden": False, **fields})

    def patch(self, request: Request, movie_id: str) -> HttpResponse:
        """Fields that are not sent stay as they are."""
        fields = _validated(MovieUpdateSerializer(data=body_of(request), partial=True))
        return self._change(request, movie_id, fields)

    def delete(self, request: Request, movie_id: str) -> HttpResponse:
        """The movie disappears from every list at the next request. A repetition answers 404."""
        expected = _ExpectedVersions(request, {})
        with _refusals(expected):
            services.delete_movie(
                actor=_actor(request), movie_id=_number(movie_id), expected_versions=expected.versions
            )
        return HttpResponse(status=204)

    def _change(self, request: Request, movie_id: str, fields: dict[str, Any]) -> HttpResponse:
        number = _number(movie_id)
        expected = _ExpectedVersions(request, fields)
        if fields.get("id", number) != number:
            raise ValidationError({"id": [f"A movie keeps its id; this address is that of {number}."]})
        with _refusals(expected):
            movie = services.change_movie(
                actor=_actor(request),
                movie_id=number,
                expected_versions=expected.versions,
                **{name: value for name, value in fields.items() if name in WRITABLE_FIELDS},
            )
        return _answer(movie, 200)


def _validated(serializer: NewMovieSerializer) -> dict[str, Any]:
    """The body's fields. Raises ValidationError."""
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


class _ExpectedVersions:
    """The versions that the caller accepts, by If-Match and by the body's `version`. Raises ValidationError."""

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
    """The versions whose tags If-Match lists; None for any. Weak and foreign tags name no version."""
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
def _refusals(expected: _ExpectedVersions) -> Iterator[None]:
    """Turns the services' exceptions into HTTP errors."""
    try:
        yield
    except services.NoSuchMovie as error:
        raise NotFound(str(error)) from None
    except services.BadMovie as error:
        raise ValidationError(_by_field(error.errors)) from None
    except services.ChangedMeanwhile as error:
        if expected.by_header is not None and error.movie.version not in expected.by_header:
            raise PreconditionFailed(str(error)) from None
        raise Conflict(str(error)) from None


def _actor(request: Request) -> str:
    caller: Any = request.auth  # the key, which the history of changes names
    return str(caller.actor)


def _number(movie_id: str) -> int:
    number = whole_number(movie_id)
    if number is None:
        raise NotFound("There is no such movie.")
    return number


def _by_field(errors: Mapping[str, str]) -> dict[str, list[str]]:
    return {field: [error] for field, error in errors.items()}


def _answer(movie: Movie, status: int) -> HttpResponse:
    response = json_response(distributor_json(movie), status)
    response["ETag"] = etag(movie.version)
    return response
