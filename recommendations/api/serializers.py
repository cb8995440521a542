"""The answer of a user's two lists, as the OpenAPI document describes it; the read itself joins ready-made JSON."""

from rest_framework import serializers

from movies.api.serializers import MOVIE_EXAMPLE, WATCHED_EXAMPLE, ClosedSerializer, MovieSerializer, example
from recommendations.lists import MAX_LIST_LENGTH


@example({"recommendations": [MOVIE_EXAMPLE], "currentlyWatching": [WATCHED_EXAMPLE]})
class UserListsSerializer(ClosedSerializer):
    """What a user is shown; no movie is in both lists."""

    recommendations = serializers.ListField(child=MovieSerializer(), max_length=MAX_LIST_LENGTH)
    currentlyWatching = serializers.ListField(child=MovieSerializer(), max_length=MAX_LIST_LENGTH)  # noqa: N815
