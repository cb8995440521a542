"""The sister services' messages and their answers, as the OpenAPI document describes them.

No view validates with these, because messages.py parses what comes over HTTP and over SQS alike.
"""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from movies.api.serializers import ClosedSerializer, example
from movies.foundation.numbers import MAX_BIGINT
from sessions_ingest.api import MAX_EVENTS_PER_REQUEST, MAX_IDS_PER_REQUEST


@extend_schema_field(
    {
        "oneOf": [
            {"type": "integer", "minimum": 1, "maximum": MAX_BIGINT},
            {"type": "string", "pattern": "^[0-9]{1,19}$"},
        ]
    }
)
class UserIdField(serializers.Field):
    """A user's id: a number, or the same in digits, as Recommendations sends it."""


@extend_schema_field({"type": "integer", "format": "int64"})
class MovieIdField(serializers.Field):
    """A movie's id; the movie may not exist."""


class EventTimeField(serializers.CharField):
    """When an event happened."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(
            required=False,
            allow_null=True,
            help_text="ISO 8601, or like `2017-09-08 12:50PM`; UTC where no zone is given. From 1970 to 24 hours "
            "from now; a time ahead counts as stated and is ordered as now. None: now.",
        )


class WatchedMovieSerializer(serializers.Serializer):
    """The movie of an event."""

    id = MovieIdField()


class SessionEventSerializer(serializers.Serializer):
    """How far the user got in a movie, and when, by either of two names."""

    movie = WatchedMovieSerializer()
    progress = serializers.FloatField(min_value=0, max_value=1)
    timestamp = EventTimeField()
    startTime = EventTimeField()  # noqa: N815


@example(
    {
        "userId": 5,
        "events": [
            {"movie": {"id": 8}, "progress": 1, "timestamp": "2017-09-08 12:50PM"},
            {"movie": {"id": 7}, "progress": 0.3, "startTime": "2017-09-08T14:50:00.000Z"},
        ],
    }
)
class SessionSerializer(serializers.Serializer):
    """Unknown fields are ignored."""

    userId = UserIdField()  # noqa: N815
    events = serializers.ListField(child=SessionEventSerializer(), max_length=MAX_EVENTS_PER_REQUEST)


@example({"events": 2, "views": 1, "skipped": 0, "superseded": 0})
class SessionOutcomeSerializer(ClosedSerializer):
    """What the events of a session did."""

    events = serializers.IntegerField(help_text="Events about movies that exist.")
    views = serializers.IntegerField(help_text="Finished watches counted now, for the first time.")
    skipped = serializers.IntegerField(help_text="Events about movies that do not exist.")
    superseded = serializers.IntegerField(
        help_text="Events that changed nothing, because something newer is known."
    )


@example({"userId": 5, "rec": [8, 7, 9]})
class RecommendationsSerializer(serializers.Serializer):
    """Best first. Unknown movies are dropped, duplicates keep their first place, 20 are kept."""

    userId = UserIdField()  # noqa: N815
    rec = serializers.ListField(child=MovieIdField(), max_length=MAX_IDS_PER_REQUEST)


@example({"received": 3, "stored": True})
class RecommendationsOutcomeSerializer(ClosedSerializer):
    """Whether the list is stored."""

    received = serializers.IntegerField(help_text="Ids in the body.")
    stored = serializers.BooleanField(help_text="False when a newer list is stored, which is kept.")
    reason = serializers.CharField(required=False, help_text="Why the list is not stored.")
