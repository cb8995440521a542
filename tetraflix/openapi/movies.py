"""Describes the operations on the inventory, for clients and distributors."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from movies.api import serializers
from movies.genres import GENRES
from movies.search.engine import MAX_RESULTS
from movies.search.keyset_pagination import MAX_PAGE_SIZE, ORDERINGS
from movies.search.title_words import MAX_QUERY_LENGTH
from tetraflix.openapi import errors
from tetraflix.openapi.components import IDEMPOTENCY_KEY, MOVIE_ID, NO_CONTENT, describe, header, read, write

ROLE = "distributor"
TAGS = {"pattern": r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'}
IF_MATCH = header(
    "If-Match",
    TAGS,
    "ETags of earlier answers: changed only if the movie is at one of these versions. `*`: at any.",
)
IF_NONE_MATCH = header(
    "If-None-Match", TAGS, "ETags of earlier answers: 304 while the movie is at one of these versions."
)
ETAG = header(
    "ETag",
    {"pattern": '^"[0-9]+"$'},
    "The movie's version, for If-Match and If-None-Match.",
    response=[200, 304],
)
LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": 20},
    description="How many at most.",
)
GENRE = OpenApiParameter(
    "genre",
    {"type": "string", "enum": [*GENRES], "example": "fantasy"},
    "path",
    description="The genre.",
)
QUERY = (
    OpenApiParameter(
        "q",
        {"type": "string", "example": "lord of the rigns"},
        description="Words of the title: without accents or marks, joined or parted by signs, begun, misspelt, or "
        f"some too many. Best match first, popularity breaks ties; the {MAX_RESULTS} best can be paged through. "
        f"{MAX_QUERY_LENGTH} characters count.",
    ),
    OpenApiParameter("genre", str, enum=GENRES, description="Only movies with some of it."),
    OpenApiParameter(
        "ordering",
        str,
        enum=ORDERINGS,
        description="`popularity` is the number of views. By default the best match first; without `q`, by id.",
    ),
    LIMIT,
    OpenApiParameter("cursor", str, description="From `next` or `previous`."),
)
GENRE_LIST = OpenApiResponse(serializers.GenreListSerializer, "Most popular first.")
PAGE = OpenApiResponse(serializers.MoviePageSerializer, "A page.")
SEEN = OpenApiResponse(serializers.SEEN_MOVIE, "The movie.")
STORED = OpenApiResponse(serializers.DistributorMovieSerializer, "As stored now.")
ADDED = OpenApiResponse(
    serializers.ADDED_MOVIES, "As stored. `Location` and `ETag` are those of a single movie."
)
NOT_MODIFIED = OpenApiResponse(description="As it was when you read it.")

HIDE = [
    OpenApiExample("Hide it", {"hidden": True}, request_only=True),
    OpenApiExample(
        "Example",
        {**serializers.DISTRIBUTOR_EXAMPLE, "hidden": True, "version": 2},
        response_only=True,
        status_codes=["200"],
    ),
]


def _change(name: str, summary: str, examples: Sequence[OpenApiExample] = ()) -> Any:
    responses = {
        200: STORED,
        404: errors.NO_MOVIE_7,
        409: errors.CONFLICT,
        412: errors.PRECONDITION,
    }
    parameters = [MOVIE_ID, IF_MATCH]
    return write(name, ROLE, summary, responses, parameters, serializers.MovieUpdateSerializer, examples)


describe(
    "movies.api.reads.GenreView",
    get=read(
        "getGenre",
        "A genre's most popular movies",
        {200: GENRE_LIST, 400: errors.BAD_LIMIT, 404: errors.NO_SUCH_GENRE},
        [GENRE, LIMIT],
    ),
)
describe(
    "movies.api.writes.Movies",
    get=read(
        "listMovies",
        "Search and list the inventory",
        {200: PAGE, 400: errors.BAD_LIMIT},
        QUERY,
        shows_more_to=ROLE,
    ),
    post=write(
        "addMovies",
        ROLE,
        f"Add a movie, or up to {serializers.MAX_MOVIES_PER_REQUEST:,}",
        {201: ADDED, 409: errors.IN_PROGRESS, 422: errors.ANOTHER_REQUEST},
        [IDEMPOTENCY_KEY],
        serializers.NewMoviesSerializer,
    ),
)
describe(
    "movies.api.writes.OneMovie",
    get=read(
        "getMovie",
        "One movie",
        {200: SEEN, 304: NOT_MODIFIED, 404: errors.NO_SUCH_MOVIE},
        [MOVIE_ID, IF_NONE_MATCH, ETAG],
        shows_more_to=ROLE,
    ),
    put=_change("putMovie", "Replace a movie"),
    patch=_change("patchMovie", "Change some of a movie", HIDE),
    delete=write(
        "deleteMovie",
        ROLE,
        "Remove a movie",
        {
            204: NO_CONTENT,
            400: errors.BAD_IF_MATCH,
            404: errors.NO_MOVIE_7,
            412: errors.PRECONDITION,
        },
        [MOVIE_ID, IF_MATCH],
    ),
)
