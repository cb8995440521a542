"""Describes the operations on a user's lists, for clients and sister services."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from recommendations.api.serializers import UserListsSerializer
from sessions_ingest import serializers
from tetraflix.openapi import errors
from tetraflix.openapi.components import IDEMPOTENCY_KEY, MOVIE_ID, NO_CONTENT, USER_ID, describe, read, write

ROLE = "sister service"


def _message(name: str, summary: str, body: type, outcome: type) -> Any:
    responses = {201: OpenApiResponse(outcome, "Applied."), **errors.OF_IDEMPOTENCY_KEYS}
    return write(name, ROLE, summary, responses, [IDEMPOTENCY_KEY], body)


def _removal(name: str, summary: str) -> Any:
    return write(name, ROLE, summary, {204: NO_CONTENT, 404: errors.NOT_WATCHING}, [USER_ID, MOVIE_ID])


describe(
    "recommendations.api.reads.RecommendationsView",
    get=read(
        "getRecommendations",
        "A user's two lists",
        {200: OpenApiResponse(UserListsSerializer, "What the user is shown."), 404: errors.NO_SUCH_USER},
        [USER_ID],
    ),
)
describe(
    "sessions_ingest.api.SessionData",
    post=_message(
        "postSession",
        "What a user watched",
        serializers.SessionSerializer,
        serializers.SessionOutcomeSerializer,
    ),
)
describe(
    "sessions_ingest.api.UserRecs",
    post=_message(
        "postRecommendations",
        "A user's new recommendations",
        serializers.RecommendationsSerializer,
        serializers.RecommendationsOutcomeSerializer,
    ),
)
describe(
    "recommendations.api.writes.CurrentlyWatching",
    delete=_removal("takeOff", "Take a movie off currently watching"),
    put=_removal("bringBack", "Bring a movie back that was taken off"),
)
