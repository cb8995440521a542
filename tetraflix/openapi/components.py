"""Parts that the operations of the OpenAPI document share, and the functions that describe a view."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiViewExtension
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view

from movies.api.serializers import (
    MAX_MOVIES_PER_REQUEST,
    PROFILE_FORMS,
    ClosedSerializer,
    NewMovieSerializer,
)
from movies.foundation.numbers import MAX_BIGINT
from movies.inventory.validation import MAX_MOVIE_ID
from recommendations.experiments.lifecycle import NAME_LENGTH
from tetraflix.access import idempotency
from tetraflix.openapi import errors

KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, made with `manage.py create_api_key` or in the admin.",
}
OPEN: list[Any] = [{}, {"key": []}]
KEYED: list[Any] = [{"key": []}]
NO_CONTENT = OpenApiResponse(description="Done.")


def header(name: str, schema: dict[str, Any], description: str, **more: Any) -> OpenApiParameter:
    """A header of requests, or of `response=` statuses."""
    return OpenApiParameter(name, {"type": "string", **schema}, "header", description=description, **more)


ID = {"type": "integer", "minimum": 1, "format": "int64"}
MOVIE_ID = OpenApiParameter("movie_id", {**ID, "maximum": MAX_MOVIE_ID}, "path", description="The movie.")
USER_ID = OpenApiParameter("user_id", {**ID, "maximum": MAX_BIGINT}, "path", description="The user.")
EXPERIMENT_NAME = OpenApiParameter(
    "name",
    {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": NAME_LENGTH},
    "path",
    description="The experiment.",
)
IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    {"minLength": 1, "maxLength": idempotency.MAX_KEY_LENGTH, "pattern": "^[!-~]+$"},
    f"Sent again with the same body within {idempotency.KEPT_HOURS} hours, the first answer comes again (with "
    "`Idempotent-Replay: true`) and nothing is done twice.",
)


def describe(view: str, **operations: Any) -> None:
    """Registers a `read` or `write` for each method of the view at this dotted path; descriptions are docstrings."""

    class Description(OpenApiViewExtension):
        target_class = view

        def view_replacement(self) -> type:
            # a subclass, so that the view that serves requests stays as it is
            return extend_schema_view(**operations)(type("Described", (self.target,), {}))


def read(name: str, summary: str, responses: dict[int, Any], parameters: Sequence[Any]) -> Any:
    """A GET, which needs a key only where READS_NEED_KEY is set."""
    return extend_schema(
        operation_id=name,
        tags=["For clients"],
        summary=summary,
        auth=OPEN,
        parameters=[*parameters],
        responses={**errors.OF_READS, **responses},
    )


def read_by_role(
    name: str, role: str, summary: str, responses: dict[int, Any], parameters: Sequence[Any]
) -> Any:
    """A GET that needs a key of the role."""
    return _keyed(name, role, summary, {**errors.OF_READS_BY_ROLE, **responses}, parameters)


def write(
    name: str, role: str, summary: str, responses: dict[int, Any], parameters: Sequence[Any], body: Any = None
) -> Any:
    """A method that needs a key of the role. One with a body also lists the errors of bodies."""
    of_bodies = errors.OF_BODIES if body else {}
    return _keyed(name, role, summary, {**errors.OF_WRITES, **of_bodies, **responses}, parameters, body)


def _keyed(
    name: str, role: str, summary: str, responses: dict[int, Any], parameters: Sequence[Any], body: Any = None
) -> Any:
    return extend_schema(
        operation_id=name,
        tags=[f"For {role}s"],
        summary=summary,
        auth=KEYED,
        parameters=[*parameters],
        request=body,
        responses=responses,
    )


class ClosedObjects(OpenApiSerializerExtension):
    """An object of a ClosedSerializer has no other fields."""

    target_class = ClosedSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**schema, "additionalProperties": False}


class NewMovies(OpenApiSerializerExtension):
    """One movie to add, or a list: drf-spectacular does not derive the length of a list that is the whole body."""

    target_class = "movies.api.serializers.NewMoviesSerializer"

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        movie = auto_schema.resolve_serializer(NewMovieSerializer, direction).ref
        movies = {"type": "array", "items": movie, "minItems": 1, "maxItems": MAX_MOVIES_PER_REQUEST}
        return {"oneOf": [movie, movies]}


class GivenPreferences(OpenApiSerializerExtension):
    """A profile in either form, or an object with one."""

    target_class = "recommendations.api.serializers.GivenPreferencesSerializer"

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        wrapped = {
            "type": "object",
            "properties": {"profile": {"oneOf": PROFILE_FORMS}},
            "required": ["profile"],
            "additionalProperties": False,
        }
        return {"oneOf": [*PROFILE_FORMS, wrapped]}


def add_key(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's hook: adds the API key to the document."""
    result["components"]["securitySchemes"] = {"key": KEY}
    return result
