"""The shapes of bodies and answers, each once, and the errors that any call may end with."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from movies.api.writes import MOST_AT_ONCE
from movies.foundation.numbers import MAX_BIGINT
from movies.genres import GENRES
from movies.inventory.validation import LARGEST_MOVIE_ID
from movies.profiles import LARGEST_TITLE
from recommendations.lists import LONGEST
from sessions_ingest.api import MOST_EVENTS, MOST_RECOMMENDATIONS

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """The shape of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(needed: dict[str, Schema], more: dict[str, Schema] | None = None, **rest: Any) -> Schema:
    return {
        "type": "object",
        "properties": needed | (more or {}),
        **({"required": list(needed)} if needed else {}),
        **rest,
    }


WEIGHT = {"type": "integer", "minimum": 0, "maximum": 100}
PROFILE_EXAMPLE = {genre: {"action": 40, "fantasy": 60}.get(genre, 0) for genre in GENRES}
MOVIE_EXAMPLE = {"id": 8675309, "title": "Lord of the Rings", "profile": PROFILE_EXAMPLE, "progress": 0}
WATCHED_EXAMPLE = {**MOVIE_EXAMPLE, "id": 234523, "title": "Kahaani", "progress": 0.3}
WRITTEN_EXAMPLE = {**MOVIE_EXAMPLE, "hidden": False, "version": 1}
_ID: Schema = {"type": "integer", "minimum": 1, "maximum": LARGEST_MOVIE_ID}
_MOVIE: dict[str, Schema] = {
    "id": _ID,
    "title": {"type": "string", "minLength": 1, "maxLength": LARGEST_TITLE},
    "profile": ref("Profile"),
    "progress": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": "How far they got.",
    },
}
_TITLE: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": LARGEST_TITLE,
    "description": "Stored in normalization form C, without blanks around it. Not blank; no control characters,"
    " and none that show nothing or change the direction of text, except where emoji and scripts need them.",
}
_PROFILE_IN: Schema = {"oneOf": [ref("Profile"), ref("ProfileArray")]}
_HIDDEN: Schema = {"type": "boolean", "description": "A hidden movie is served to nobody."}
_ECHOED: dict[str, Schema] = {
    "id": {"type": "integer", "description": "The address's id, as it was read."},
    "progress": {"type": "number", "description": "Ignored."},
    "version": {
        "type": "integer",
        "description": "The version that you saw: 409 when that is no more.",
    },
}
_LINK: Schema = {
    "type": "string",
    "format": "uri-reference",
    "nullable": True,
    "description": "Relative to the service.",
}
_USER_ID: Schema = {
    "oneOf": [
        {"type": "integer", "minimum": 1, "maximum": MAX_BIGINT},
        {"type": "string", "pattern": "^[0-9]{1,19}$"},
    ]
}
_EVENT_TIME: Schema = {
    "type": "string",
    "nullable": True,
    "description": "ISO 8601, or like `2017-09-08 12:50PM`; UTC where no zone is given. From 1970 to 24 hours "
    "from now; a time ahead counts as stated and is ordered as now. None: now.",
}

SCHEMAS: dict[str, Schema] = {
    "Profile": _object(
        dict.fromkeys(GENRES, WEIGHT),
        additionalProperties=False,
        description="Weights of all 15 genres; they sum to 100.",
    ),
    "ProfileArray": {
        "type": "array",
        "items": WEIGHT,
        "minItems": len(GENRES),
        "maxItems": len(GENRES),
        "description": f"Weights that sum to 100, in the order {', '.join(GENRES)}.",
    },
    "Movie": _object(_MOVIE, additionalProperties=False),
    "WrittenMovie": _object(
        _MOVIE | {"hidden": _HIDDEN, "version": {"type": "integer", "minimum": 1}}, additionalProperties=False
    ),
    "SeenMovie": {
        "oneOf": [ref("Movie"), ref("WrittenMovie")],
        "description": "With a distributor's key: whether it is hidden, and its version.",
    },
    "NewMovie": _object(
        {"title": _TITLE, "profile": _PROFILE_IN}, {"hidden": _HIDDEN}, additionalProperties=False
    ),
    "NewMovies": {"type": "array", "items": ref("NewMovie"), "minItems": 1, "maxItems": MOST_AT_ONCE},
    "MovieToPut": _object(
        {"title": _TITLE, "profile": _PROFILE_IN}, {"hidden": _HIDDEN} | _ECHOED, additionalProperties=False
    ),
    "MovieToPatch": _object(
        {}, {"title": _TITLE, "profile": _PROFILE_IN, "hidden": _HIDDEN} | _ECHOED, additionalProperties=False
    ),
    "MoviePage": _object(
        {"movies": {"type": "array", "items": ref("SeenMovie")}, "next": _LINK, "previous": _LINK},
        additionalProperties=False,
    ),
    "GenreList": _object({"genre": {"type": "array", "items": ref("Movie")}}, additionalProperties=False),
    "UserLists": _object(
        {
            "recommendations": {"type": "array", "items": ref("Movie"), "maxItems": LONGEST},
            "currentlyWatching": {"type": "array", "items": ref("Movie"), "maxItems": LONGEST},
        },
        additionalProperties=False,
    ),
    "Session": _object(
        {
            "userId": _USER_ID,
            "events": {"type": "array", "items": ref("SessionEvent"), "maxItems": MOST_EVENTS},
        },
        description="Unknown fields are ignored.",
    ),
    "SessionEvent": _object(
        {
            "movie": _object({"id": {"type": "integer", "format": "int64"}}),
            "progress": {"type": "number", "minimum": 0, "maximum": 1},
        },
        {"timestamp": _EVENT_TIME, "startTime": _EVENT_TIME},
    ),
    "SessionOutcome": _object(
        {
            "events": {"type": "integer", "description": "Events about movies that exist."},
            "views": {"type": "integer", "description": "Finished watches counted now, for the first time."},
            "skipped": {"type": "integer", "description": "Events about movies that do not exist."},
            "superseded": {
                "type": "integer",
                "description": "Events that changed nothing, because something newer is known.",
            },
        },
        additionalProperties=False,
    ),
    "Recommendations": _object(
        {
            "userId": _USER_ID,
            "rec": {
                "type": "array",
                "items": {"type": "integer", "format": "int64"},
                "maxItems": MOST_RECOMMENDATIONS,
            },
        },
        description="Best first. Unknown movies are dropped, duplicates keep their first place, 20 are kept.",
    ),
    "RecommendationsOutcome": _object(
        {
            "received": {"type": "integer", "description": "Ids in the body."},
            "stored": {
                "type": "boolean",
                "description": "False when a newer list is stored, which is kept.",
            },
        },
        {"reason": {"type": "string", "description": "Why it is not stored."}},
        additionalProperties=False,
    ),
    "Error": _object({"detail": {"type": "string"}}, additionalProperties=False),
    "FieldErrors": _object(
        {
            "detail": {"type": "string", "description": "The first error, with its field."},
        },
        {
            "errors": {
                "type": "object",
                "additionalProperties": True,
                "description": "Sentences by field; of a list, by index and field.",
            }
        },
        additionalProperties=False,
    ),
}


KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, made with `manage.py create_api_key` or in the admin.",
}


def add(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """drf-spectacular's hook: the shapes and the key are part of the document."""
    result["components"] |= {"schemas": SCHEMAS, "securitySchemes": {"key": KEY}}
    return result


def as_json(shape: Schema) -> Schema:
    """A body."""
    return {"application/json": shape}


def answers(shape: str | Schema, description: str, example: Any) -> OpenApiResponse:
    """A good answer."""
    return OpenApiResponse(
        ref(shape) if isinstance(shape, str) else shape,
        description,
        examples=[OpenApiExample("Example", example)],
    )


def _error(description: str, detail: str, errors: dict[str, Any] | None = None) -> OpenApiResponse:
    example = {"detail": detail} | ({"errors": errors} if errors else {})
    shape = "FieldErrors" if errors else "Error"
    return OpenApiResponse(ref(shape), description, examples=[OpenApiExample("Example", example)])


PUBLIC: list[Any] = [{}, {"key": []}]
KEYED: list[Any] = [{"key": []}]
GONE = OpenApiResponse(description="Done.")
NOT_MODIFIED = OpenApiResponse(description="As it was when you read it.")
BAD_BODY = _error(
    "The body is not right; nothing of it was applied.",
    "profile: The weights sum to 101, not 100.",
    {"profile": ["The weights sum to 101, not 100."]},
)
BAD_PARAMETER = _error(
    "A parameter is not right.",
    "limit: A whole number from 1 to 100.",
    {"limit": ["A whole number from 1 to 100."]},
)
NO_SUCH = _error("There is none.", "There is no such movie.")
CONFLICT = _error("It was changed meanwhile.", "Movie 7 was changed meanwhile: it is at version 3.")
PRECONDITION = _error(
    "It is not at a version that If-Match names.", "Movie 7 was changed meanwhile: it is at version 3."
)
REPEATED = _error(
    "The Idempotency-Key came with another address or body before.",
    "This Idempotency-Key came with another address or body before.",
)
BEING_WORKED_ON = _error(
    "The same request is being worked on.", "The same request is being worked on; ask again."
)
AWAY = _error(
    "A store does not answer; `Retry-After` says when to try again.",
    "The database is unavailable. Try again in a moment.",
)
UNAUTHORIZED = _error(
    "No key, or one that is unknown or revoked.", "This needs an API key: Authorization: Bearer <key>."
)
READ_UNAUTHORIZED = _error(
    "Only where READS_NEED_KEY is set: no key, or one that is unknown or revoked.",
    "This needs an API key: Authorization: Bearer <key>.",
)
BAD_KEY = _error(
    "A key that is unknown or revoked; or none, where READS_NEED_KEY is set.", "No such API key."
)

READ_ERRORS: dict[int, OpenApiResponse] = {401: READ_UNAUTHORIZED, 503: AWAY}
INVENTORY_READ_ERRORS: dict[int, OpenApiResponse] = {401: BAD_KEY, 503: AWAY}
WRITE_ERRORS: dict[int, OpenApiResponse] = {
    400: BAD_BODY,
    401: UNAUTHORIZED,
    403: _error("A key of another role.", "This needs a key of the role distributor; yours is a service's."),
    429: _error(
        "Too many writes with this key; `Retry-After` says how long to wait.",
        "Request was throttled. Expected available in 17 seconds.",
    ),
    503: AWAY,
}
BODY_ERRORS: dict[int, OpenApiResponse] = {
    411: _error("The body came without a Content-Length.", "Send the body with a Content-Length."),
    413: _error("The body is too large.", "A body has at most 4,194,304 bytes."),
    415: _error("The body is not JSON.", 'Unsupported media type "text/plain" in request.'),
}
POST_ERRORS: dict[int, OpenApiResponse] = {409: BEING_WORKED_ON, 422: REPEATED}

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Sent again with the same body within 24 hours, the first answer comes again "
    "(with `Idempotent-Replay: true`) and nothing is done twice.",
)
_TAGS = {"type": "string", "pattern": r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'}
IF_MATCH = OpenApiParameter(
    "If-Match",
    _TAGS,
    OpenApiParameter.HEADER,
    description="ETags of earlier answers: changed only if the movie is at one of these versions. `*`: at any.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    _TAGS,
    OpenApiParameter.HEADER,
    description="ETags of earlier answers: 304 while the movie is at one of these versions.",
)
ETAG = OpenApiParameter(
    "ETag",
    {"type": "string", "pattern": '^"[0-9]+"$'},
    OpenApiParameter.HEADER,
    description="The movie's version, for If-Match and If-None-Match.",
    response=[200, 304],
)
MOVIE_ID = OpenApiParameter("movie_id", _ID, OpenApiParameter.PATH, description="The movie.")
USER_ID = OpenApiParameter(
    "user_id",
    {"type": "integer", "minimum": 1, "maximum": MAX_BIGINT, "format": "int64"},
    OpenApiParameter.PATH,
    description="The user.",
)
