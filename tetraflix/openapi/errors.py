"""The errors that the OpenAPI document lists, each with an example."""

from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from movies.api.serializers import ErrorSerializer, FieldErrorsSerializer
from movies.foundation.numbers import MAX_BIGINT
from movies.genres import GENRES
from recommendations.lists import MAX_DISMISSED
from sessions_ingest.api import MAX_MESSAGE_BYTES
from tetraflix.access import idempotency
from tetraflix.web import error_responses


def error(description: str, detail: str, field: str | None = None) -> OpenApiResponse:
    """An error with this detail; with a `field`, an error of this field."""
    if field is None:
        return OpenApiResponse(ErrorSerializer, description, [OpenApiExample("Example", {"detail": detail})])
    example = {"detail": f"{field}: {detail}", "errors": {field: [detail]}}
    return OpenApiResponse(FieldErrorsSerializer, description, [OpenApiExample("Example", example)])


Errors = dict[int, OpenApiResponse]
CHANGED = "Movie 7 was changed meanwhile: it is at version 3."
NEEDS_KEY = "This needs an API key: Authorization: Bearer <key>."
SUM = "The weights sum to 101, not 100."

BAD_IF_MATCH = error(
    "If-Match is malformed.", 'Entity tags of earlier answers, like "7" or "7", "8"; or *.', "If-Match"
)
BAD_LIMIT = error("A parameter is not right.", "A whole number from 1 to 100.", "limit")
BAD_LIST = error("The body is not right; nothing of it was applied.", "missing `rec`", "rec")
BAD_SESSION = error(
    "The body is not right; nothing of it was applied.", "7.0 is not between 0 and 1", "events[0].progress"
)
CONFLICT = error("The movie is not at the version that the body names.", CHANGED)
PRECONDITION = error("The movie is not at a version that If-Match names.", CHANGED)
NO_SUCH_GENRE = error("An unknown genre.", f"Unknown genre. The {len(GENRES)} are: {', '.join(GENRES)}.")
NO_SUCH_MOVIE = error("No movie has this id.", "There is no such movie.")
NO_MOVIE_7 = error("No movie has this id.", "There is no movie 7.")
NO_SUCH_USER = error("This is no user's id.", f"A user is a whole number from 1 to {MAX_BIGINT}.")
NOT_WATCHING = error(
    "The user is not watching the movie.", "User 5 is not watching movie 7, and it was not taken off."
)
TOO_MANY_DISMISSED = error(
    "The user has dismissed as many movies as are kept.",
    f"User 5 has dismissed {MAX_DISMISSED:,} movies, which is the limit. Undo the dismissal of another movie first.",
)
NO_PREFERENCES = error(
    "The user has no preferences yet.", "User 5 was given no preferences, and has not finished 5 movies."
)
NO_SUCH_EXPERIMENT = error("No experiment has this name.", "There is no experiment taste-2026-11.")
PREFERENCES_GIVEN = error(
    "The user has preferences.", "User 5 was given preferences before, and they never change."
)
INVALID_KEY = error("A key that is unknown or revoked.", "No such API key.")
NO_KEY = error("No key, or one that is unknown or revoked.", NEEDS_KEY)
UNAVAILABLE = error(
    "A store does not answer; `Retry-After` says when to try again.", error_responses.UNAVAILABLE
)
MESSAGE_TOO_LARGE = error("The body is too large.", f"A body has at most {MAX_MESSAGE_BYTES:,} bytes.")

OF_BODIES: Errors = {
    400: error("The body is not right; nothing of it was applied.", SUM, "profile"),
    411: error("The body came without a Content-Length.", "Send the body with a Content-Length."),
    413: error("The body is too large.", "A body has at most 4,194,304 bytes."),
    415: error("The body is not JSON.", 'Unsupported media type "text/plain" in request.'),
}
ANOTHER_REQUEST = error(
    "The Idempotency-Key came with another address or body before.", idempotency.ANOTHER_REQUEST
)
IN_PROGRESS = error("The same request is being processed.", idempotency.IN_PROGRESS)


def of_reads(role: str) -> Errors:
    """The errors of a read that needs a key of the role."""
    other = {"distributor": "service", "service": "distributor"}[role]
    refusal = f"This needs a key of the role {role}; yours is a {other}'s."
    return {401: NO_KEY, 403: error("A key of another role.", refusal), 503: UNAVAILABLE}


def of_writes(role: str) -> Errors:
    """The errors of a write that needs a key of the role."""
    throttled = error(
        "Too many writes with this key; `Retry-After` says how long to wait.",
        "Request was throttled. Expected available in 17 seconds.",
    )
    return {**of_reads(role), 429: throttled}
