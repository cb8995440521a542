"""Parts that the operations of the OpenAPI document share, and the functions that describe a view."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiViewExtension
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)

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

Responses = dict[int, OpenApiResponse]
KEYS = {"distributor": "distributorKey", "service": "serviceKey"}  # the names of the keys, by role
TAGS = {"distributor": "For distributors", "service": "For sister services"}
RESOURCES = (
    "recommendations",
    "genre",
    "movies",
    "sessionData",
    "userRecs",
    "currentlyWatching",
    "dismissed",
    "preferences",
    "experiments",
)
KEY_DESCRIPTION = "An API key of the role {}, made with `manage.py create_api_key --role {}` or in the admin."
NO_CONTENT = OpenApiResponse(description="Done.")


def header(name: str, schema: dict[str, Any], description: str, **more: Any) -> OpenApiParameter:
    """A header of requests, or of `response=` statuses."""
    return OpenApiParameter(name, {"type": "string", **schema}, "header", description=description, **more)


ID = {"type": "integer", "minimum": 1, "format": "int64"}
MOVIE_ID = OpenApiParameter(
    "movie_id", {**ID, "maximum": MAX_MOVIE_ID, "example": 7}, "path", description="The movie."
)
USER_ID = OpenApiParameter(
    "user_id", {**ID, "maximum": MAX_BIGINT, "example": 5}, "path", description="The user."
)
EXPERIMENT_NAME = OpenApiParameter(
    "name",
    {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": NAME_LENGTH, "example": "taste-2026-11"},
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


def read(
    name: str,
    summary: str,
    responses: Responses,
    parameters: Sequence[OpenApiParameter],
    *,
    shows_more_to: str | None = None,
) -> Any:
    """A GET, which needs a key of any role where READS_NEED_KEY is set.

    `shows_more_to`: the role whose key shows more, so a key that is sent is checked.
    """
    security: list[Any] = []
    if settings.READS_NEED_KEY:
        security = [{key: []} for key in KEYS.values()]
        responses = {401: errors.NO_KEY, **responses}
    elif shows_more_to:
        security = [{}, {KEYS[shows_more_to]: []}]
        responses = {401: errors.INVALID_KEY, **responses}
    return _operation(
        name, summary, {503: errors.UNAVAILABLE, **responses}, parameters, security, "For clients"
    )


def read_by_role(
    name: str, role: str, summary: str, responses: Responses, parameters: Sequence[OpenApiParameter]
) -> Any:
    """A GET that needs a key of the role."""
    responses = {**errors.of_reads(role), **responses}
    return _operation(name, summary, responses, parameters, [{KEYS[role]: []}], TAGS[role])


def write(
    name: str,
    role: str,
    summary: str,
    responses: Responses,
    parameters: Sequence[OpenApiParameter],
    body: Any = None,
    examples: Sequence[OpenApiExample] = (),
) -> Any:
    """A method that needs a key of the role. One with a body also lists the errors of bodies.

    `examples` replace those of the serializers.
    """
    of_bodies = errors.OF_BODIES if body else {}
    responses = {**errors.of_writes(role), **of_bodies, **responses}
    security: list[Any] = [{KEYS[role]: []}]
    return _operation(name, summary, responses, parameters, security, TAGS[role], body, examples)


def _operation(
    name: str,
    summary: str,
    responses: Responses,
    parameters: Sequence[OpenApiParameter],
    security: list[Any],
    tag: str,
    body: Any = None,
    examples: Sequence[OpenApiExample] = (),
) -> Any:
    return extend_schema(
        operation_id=name,
        tags=[tag],
        summary=summary,
        auth=security,
        parameters=[*parameters],
        request=body,
        responses=dict(sorted(responses.items())),  # success first
        examples=[*examples] or None,
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


def sort(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's hook: sorts the addresses as a reader needs them."""
    result["paths"] = dict(
        sorted(result["paths"].items(), key=lambda path: (RESOURCES.index(path[0].split("/")[2]), path[0]))
    )
    return result


def add_keys(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's hook: adds the API keys to the document."""
    result["components"]["securitySchemes"] = {
        name: {"type": "http", "scheme": "bearer", "description": KEY_DESCRIPTION.format(role, role)}
        for role, name in KEYS.items()
    }
    return result
