"""The operations on what users see: what each is for, takes and gives, with examples."""

from typing import Any

from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.utils import OpenApiExample, extend_schema

from tetraflix.openapi import components as parts
from tetraflix.openapi.components import GONE, KEYED, PUBLIC, answers, as_json, ref

RECOMMENDATIONS = {"userId": 5783, "rec": [23879, 16605, 7695]}
SESSION = {
    "userId": 534356757834,
    "events": [
        {"movie": {"id": 543}, "progress": 1, "timestamp": "2017-09-08 12:50PM"},
        {"movie": {"id": 155}, "progress": 0.7, "startTime": "2017-09-08T14:50:00.000Z"},
    ],
}


class DescribedRecommendations(OpenApiViewExtension):
    target_class = "recommendations.api.reads.RecommendationsView"

    def view_replacement(self) -> type:
        class Described(self.target_class):  # type: ignore[name-defined]
            @extend_schema(
                operation_id="getRecommendations",
                tags=["For clients"],
                summary="A user's two rows",
                description="Recommendations in the recommender's order; currently watching, most recently "
                "watched first. No movie is in both. Who has no list, or nothing left of it to show, gets the "
                "most popular movies, without those finished or being watched. Everybody gets them while the "
                "store of lists is unavailable: see `X-Tetraflix-Degraded`.",
                auth=PUBLIC,
                parameters=[parts.USER_ID],
                responses={
                    200: answers(
                        "UserLists",
                        "What the user is shown.",
                        {
                            "recommendations": [parts.MOVIE_EXAMPLE],
                            "currentlyWatching": [parts.WATCHED_EXAMPLE],
                        },
                    ),
                    404: parts.NO_SUCH,
                    **parts.READ_ERRORS,
                },
            )
            def get(self, request: Any, user_id: str) -> Any:
                """Described above."""

        return Described


class DescribedSessionData(OpenApiViewExtension):
    target_class = "sessions_ingest.api.SessionData"

    def view_replacement(self) -> type:
        class Described(self.target_class):  # type: ignore[name-defined]
            @extend_schema(
                operation_id="postSession",
                tags=["For sister services"],
                summary="What a user watched",
                description="The same as one message on the queue. The same event (user, movie, time) never "
                "counts twice.",
                auth=KEYED,
                parameters=[parts.IDEMPOTENCY_KEY],
                request=as_json(ref("Session")),
                examples=[OpenApiExample("Example", SESSION, request_only=True)],
                responses={
                    201: answers(
                        "SessionOutcome", "Applied.", {"events": 2, "views": 1, "skipped": 0, "superseded": 0}
                    ),
                    **parts.WRITE_ERRORS,
                    **parts.BODY_ERRORS,
                    **parts.POST_ERRORS,
                },
            )
            def post(self, request: Any) -> Any:
                """Described above."""

        return Described


class DescribedUserRecs(OpenApiViewExtension):
    target_class = "sessions_ingest.api.UserRecs"

    def view_replacement(self) -> type:
        class Described(self.target_class):  # type: ignore[name-defined]
            @extend_schema(
                operation_id="postRecommendations",
                tags=["For sister services"],
                summary="A user's new recommendations",
                description="The same as one message on the queue, as of now.",
                auth=KEYED,
                parameters=[parts.IDEMPOTENCY_KEY],
                request=as_json(ref("Recommendations")),
                examples=[OpenApiExample("Example", RECOMMENDATIONS, request_only=True)],
                responses={
                    201: answers("RecommendationsOutcome", "Applied.", {"received": 3, "stored": True}),
                    **parts.WRITE_ERRORS,
                    **parts.BODY_ERRORS,
                    **parts.POST_ERRORS,
                },
            )
            def post(self, request: Any) -> Any:
                """Described above."""

        return Described


def _moves(operation_id: str, summary: str, description: str) -> Any:
    errors = {status: error for status, error in parts.WRITE_ERRORS.items() if status != 400}
    return extend_schema(
        operation_id=operation_id,
        tags=["For sister services"],
        summary=summary,
        description=description,
        auth=KEYED,
        parameters=[parts.USER_ID, parts.MOVIE_ID],
        request=None,
        responses={204: GONE, 404: parts.NO_SUCH, **errors},
    )


class DescribedCurrentlyWatching(OpenApiViewExtension):
    target_class = "recommendations.api.writes.CurrentlyWatching"

    def view_replacement(self) -> type:
        class Described(self.target_class):  # type: ignore[name-defined]
            @_moves(
                "takeOff",
                "Take a movie off currently watching",
                "Its progress is kept. May be repeated; 404 when the user is not watching the movie, and it "
                "was not taken off. A later session about it brings it back.",
            )
            def delete(self, request: Any, user_id: str, movie_id: str) -> Any:
                """Described above."""

            @_moves(
                "bringBack",
                "Bring a movie back that was taken off",
                "To the front, with its progress. May be repeated; 404 when the movie was not taken off and "
                "is not there.",
            )
            def put(self, request: Any, user_id: str, movie_id: str) -> Any:
                """Described above."""

        return Described
