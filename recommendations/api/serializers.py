"""A user's lists and preferences, as the OpenAPI document describes them; no view validates or renders with these."""

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from movies.api.serializers import (
    MOVIE_EXAMPLE,
    OTHER_MOVIE_EXAMPLE,
    PROFILE_EXAMPLE,
    ClosedSerializer,
    MovieSerializer,
    ProfileSerializer,
    example,
)
from movies.foundation.numbers import MAX_BIGINT
from recommendations.lists import MAX_LIST_LENGTH


@example(
    {"recommendations": [OTHER_MOVIE_EXAMPLE], "currentlyWatching": [{**MOVIE_EXAMPLE, "progress": 0.3}]}
)
class UserListsSerializer(ClosedSerializer):
    """What a user is shown; no movie is in both lists."""

    recommendations = serializers.ListField(child=MovieSerializer(), max_length=MAX_LIST_LENGTH)
    currentlyWatching = serializers.ListField(child=MovieSerializer(), max_length=MAX_LIST_LENGTH)  # noqa: N815


@example({"userId": 5, "profile": PROFILE_EXAMPLE, "source": "given"})
class PreferencesSerializer(ClosedSerializer):
    """Fixed genre preferences."""

    userId = serializers.IntegerField(min_value=1, max_value=MAX_BIGINT)  # noqa: N815
    profile = ProfileSerializer()
    source = serializers.ChoiceField(  # type: ignore[assignment]  # declared fields leave the class
        ["given", "finishes"],
        help_text="`given` by PUT, or those of the movies that the user finished first.",
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample("Weights in the order of the genres", [*PROFILE_EXAMPLE.values()], request_only=True),
        OpenApiExample("A profile", PROFILE_EXAMPLE, request_only=True),
        OpenApiExample("In an object", {"profile": PROFILE_EXAMPLE}, request_only=True),
    ]
)
class GivenPreferencesSerializer(serializers.BaseSerializer):
    """Describes a body that is a profile, or an object with one."""
