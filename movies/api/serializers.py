"""Bodies and answers of the movies API: their fields, and the OpenAPI document's description of them.

Values pass through as sent: movies/inventory/validation.py checks them, after preconditions (404, 412) are checked.
Hot reads write their JSON by hand, so the serializers of answers serve the document only.
"""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import (
    OpenApiExample,
    PolymorphicProxySerializer,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers
from rest_framework.fields import empty

from movies.genres import GENRES
from movies.inventory.validation import MAX_MOVIE_ID
from movies.profiles import MAX_TITLE_LENGTH, TOTAL

MAX_MOVIES_PER_REQUEST = 1_000
WRITABLE_FIELDS = ("title", "profile", "hidden")

# The examples form one small world: movies 7 and 8, of which movie 7 is being watched.
PROFILE_EXAMPLE = {genre: {"action": 40, "fantasy": 60}.get(genre, 0) for genre in GENRES}
PROFILE_OF_MOVIE_8 = {genre: {"drama": 30, "thriller": 70}.get(genre, 0) for genre in GENRES}
NEW_MOVIE_EXAMPLE = {"title": "Lord of the Rings", "profile": [*PROFILE_EXAMPLE.values()]}
MOVIE_EXAMPLE = {"id": 7, "title": "Lord of the Rings", "profile": PROFILE_EXAMPLE, "progress": 0}
OTHER_MOVIE_EXAMPLE = {"id": 8, "title": "Kahaani", "profile": PROFILE_OF_MOVIE_8, "progress": 0}
DISTRIBUTOR_EXAMPLE = {**MOVIE_EXAMPLE, "hidden": False, "version": 1}
HIDDEN_HELP = "A hidden movie is served to distributors only."


def example(value: Any, **more: Any) -> Any:
    """Decorates a serializer with an example of its value."""
    return extend_schema_serializer(examples=[OpenApiExample("Example", value, **more)])


class ClosedSerializer(serializers.Serializer):
    """An object without further fields (`additionalProperties: false`)."""


class _AsSent(serializers.Field):
    """A field whose value passes through as sent; its limits are documented here and enforced by the inventory."""

    default_error_messages = {"required": "This field is needed."}

    def run_validation(self, data: Any = empty) -> Any:
        return super().run_validation(data) if data is empty else data


class _Text(_AsSent, serializers.CharField):
    pass


class _Integer(_AsSent, serializers.IntegerField):
    pass


class _Number(_AsSent, serializers.FloatField):
    pass


class _Boolean(_AsSent, serializers.BooleanField):
    pass


class ProfileSerializer(ClosedSerializer):
    """Weights of all 15 genres; they sum to 100."""

    def get_fields(self) -> dict[str, serializers.Field]:
        return {genre: serializers.IntegerField(min_value=0, max_value=TOTAL) for genre in GENRES}


# a profile in a body: an object, or an array
PROFILE_FORMS: list[dict[str, Any]] = [
    {"$ref": "#/components/schemas/Profile"},
    {
        "type": "array",
        "items": {"type": "integer", "minimum": 0, "maximum": TOTAL},
        "minItems": len(GENRES),
        "maxItems": len(GENRES),
        "description": f"Weights that sum to 100, in the order {', '.join(GENRES)}.",
    },
]


@extend_schema_field({"oneOf": PROFILE_FORMS})
class _Profile(_AsSent):
    pass


@example(NEW_MOVIE_EXAMPLE, request_only=True)
class NewMovieSerializer(ClosedSerializer):
    """A movie to add."""

    default_error_messages = {"invalid": "A movie is an object with a title and a profile."}

    title = _Text(
        min_length=1,
        max_length=MAX_TITLE_LENGTH,
        help_text="Stored in normalization form C, without blanks around it. Not blank; no control characters,"
        " and none that show nothing or change the direction of text, except where emoji and scripts need them.",
    )
    profile = _Profile()
    hidden = _Boolean(required=False, help_text=HIDDEN_HELP)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """Treats null like every other value that is not an object."""
        return (False, None) if data is None else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The fields as sent. Raises ValidationError for a non-object, an unknown field or a missing one."""
        names = data if isinstance(data, Mapping) else ()
        unknown = {
            name: [f"Unknown field; there are {', '.join(WRITABLE_FIELDS)}."]
            for name in names
            if name not in self.fields
        }
        try:
            fields = super().to_internal_value(data)
        except serializers.ValidationError as error:
            missing: Any = error.detail
            raise serializers.ValidationError(unknown | missing) from None
        if unknown:
            raise serializers.ValidationError(unknown)
        return fields


@extend_schema_serializer(
    examples=[
        OpenApiExample("One", NEW_MOVIE_EXAMPLE, request_only=True),
        OpenApiExample(
            "Its profile as an object", NEW_MOVIE_EXAMPLE | {"profile": PROFILE_EXAMPLE}, request_only=True
        ),
        OpenApiExample("Several", [NEW_MOVIE_EXAMPLE], request_only=True),
    ]
)
class NewMoviesSerializer(serializers.BaseSerializer):
    """Describes a body that is one new movie or a list of them; `Movies.post` reads both."""


class MovieUpdateSerializer(NewMovieSerializer):
    """A movie's new state. The read-only fields of a movie as it was read may be sent along."""

    id = _Integer(required=False, help_text="The address's id, as it was read.")
    progress = _Number(required=False, help_text="Ignored.")
    version = _Integer(
        required=False, help_text="The version that you saw: 409 when the movie is at another."
    )


class MovieSerializer(ClosedSerializer):
    """A movie as every client sees it."""

    id = serializers.IntegerField(min_value=1, max_value=MAX_MOVIE_ID)
    title = serializers.CharField(min_length=1, max_length=MAX_TITLE_LENGTH)
    profile = ProfileSerializer()
    progress = serializers.FloatField(min_value=0, max_value=1, help_text="How far the user got.")


@example(DISTRIBUTOR_EXAMPLE)
class DistributorMovieSerializer(MovieSerializer):
    """A movie as a distributor's key sees it: with whether it is hidden, and its version."""

    hidden = serializers.BooleanField(help_text=HIDDEN_HELP)
    version = serializers.IntegerField(min_value=1)


SEEN_MOVIE = example(MOVIE_EXAMPLE)(
    PolymorphicProxySerializer(
        component_name="SeenMovie",
        serializers=[MovieSerializer, DistributorMovieSerializer],
        resource_type_field_name=None,
    )
)
ADDED_MOVIES = example(DISTRIBUTOR_EXAMPLE)(
    PolymorphicProxySerializer(
        component_name="AddedMovies",
        serializers=[DistributorMovieSerializer, DistributorMovieSerializer(many=True)],
        resource_type_field_name=None,
        many=False,
    )
)


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="SeenMovie",
        serializers=SEEN_MOVIE.serializers,
        resource_type_field_name=None,
        many=True,
    )
)
class _SeenMovies(serializers.Field):
    pass


@extend_schema_field(
    {
        "type": "string",
        "format": "uri-reference",
        "nullable": True,
        "description": "Relative to the service.",
    }
)
class _Link(serializers.Field):
    pass


@example({"movies": [MOVIE_EXAMPLE], "next": None, "previous": None})
class MoviePageSerializer(ClosedSerializer):
    """A page of the inventory, and the addresses of its neighbours."""

    movies = _SeenMovies()
    next = _Link()
    previous = _Link()


@example({"genre": [MOVIE_EXAMPLE]})
class GenreListSerializer(ClosedSerializer):
    """A genre's movies, most popular first."""

    genre = MovieSerializer(many=True)


class ErrorSerializer(ClosedSerializer):
    """Every error."""

    detail = serializers.CharField()


class FieldErrorsSerializer(ClosedSerializer):
    """An error in a body or a parameter."""

    detail = serializers.CharField(help_text="The first error, with its field.")
    errors = serializers.DictField(  # type: ignore[assignment]  # declared fields leave the class
        required=False, help_text="Sentences by field; of a list, by index and field."
    )
