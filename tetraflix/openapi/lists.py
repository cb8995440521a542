"""Describes the operations on users' lists and on experiments, for clients and sister services."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from recommendations.api.report_serializers import ReportSerializer
from recommendations.api.serializers import (
    GivenPreferencesSerializer,
    PreferencesSerializer,
    UserListsSerializer,
)
from sessions_ingest import serializers
from tetraflix.openapi import errors
from tetraflix.openapi.components import (
    EXPERIMENT_NAME,
    IDEMPOTENCY_KEY,
    MOVIE_ID,
    NO_CONTENT,
    USER_ID,
    describe,
    read,
    read_by_role,
    write,
)

ROLE = "service"
PREFERENCES = OpenApiResponse(PreferencesSerializer, "The user's fixed preferences.")


def _message(name: str, summary: str, body: type, outcome: type, invalid: OpenApiResponse) -> Any:
    responses = {
        201: OpenApiResponse(outcome, "Applied."),
        400: invalid,
        413: errors.MESSAGE_TOO_LARGE,
        422: errors.ANOTHER_REQUEST,
    }
    return write(name, ROLE, summary, responses, [IDEMPOTENCY_KEY], body)


def _correction(name: str, summary: str, refusals: dict[int, Any]) -> Any:
    return write(name, ROLE, summary, {204: NO_CONTENT, **refusals}, [USER_ID, MOVIE_ID])


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
        errors.BAD_SESSION,
    ),
)
describe(
    "sessions_ingest.api.UserRecs",
    post=_message(
        "postRecommendations",
        "A user's new recommendations",
        serializers.RecommendationsSerializer,
        serializers.RecommendationsOutcomeSerializer,
        errors.BAD_LIST,
    ),
)
describe(
    "recommendations.api.writes.CurrentlyWatching",
    delete=_correction("takeOff", "Take a movie off currently watching", {404: errors.NOT_WATCHING}),
    put=_correction("bringBack", "Bring a movie back that was taken off", {404: errors.NOT_WATCHING}),
)
describe(
    "recommendations.api.writes.Dismissed",
    put=_correction(
        "dismiss",
        "Never show a user a movie: not for me",
        {404: errors.NO_MOVIE_7, 409: errors.TOO_MANY_DISMISSED},
    ),
    delete=_correction("undoDismissal", "Undo that a movie was dismissed", {404: errors.NO_MOVIE_7}),
)
describe(
    "recommendations.api.preferences.Preferences",
    get=read_by_role(
        "getPreferences",
        ROLE,
        "A user's fixed genre preferences",
        {200: PREFERENCES, 404: errors.NO_PREFERENCES},
        [USER_ID],
    ),
    put=write(
        "givePreferences",
        ROLE,
        "Give a user fixed genre preferences, once",
        {201: PREFERENCES, 404: errors.NO_SUCH_USER, 409: errors.PREFERENCES_GIVEN},
        [USER_ID],
        GivenPreferencesSerializer,
    ),
)
describe(
    "recommendations.api.experiments.ExperimentReport",
    get=read_by_role(
        "getExperiment",
        ROLE,
        "The report on an experiment",
        {200: OpenApiResponse(ReportSerializer, "The report as of now."), 404: errors.NO_SUCH_EXPERIMENT},
        [EXPERIMENT_NAME],
    ),
)
