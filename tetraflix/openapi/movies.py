"""The operations on the inventory: what each is for, takes and gives, with examples."""

from typing import Any

from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from movies.genres import GENRES
from movies.search.engine import MAX_RESULTS
from movies.search.keyset_pagination import MAX_PAGE_SIZE, ORDERINGS
from movies.search.title_words import MAX_QUERY_LENGTH
from tetraflix.openapi import components as parts
from tetraflix.openapi.components import GONE, KEYED, PUBLIC, answers, as_json, ref

LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": 20},
    description="How many at most.",
)
NEW_MOVIE = {"title": "Lord of the Rings", "profile": parts.PROFILE_EXAMPLE}


class DescribedGenre(OpenApiViewExtension):
    target_class = "movies.api.reads.GenreView"

    def view_replacement(self) -> type:
        class Described(self.target_class):  # type: ignore[name-defined]
            @extend_schema(
                operation_id="getGenre",
                tags=["For clients"],
                summary="A genre's most popular movies",
                description="By views x the movie's weight for the genre, as of the last full hour or so.",
                auth=PUBLIC,
                parameters=[
                    OpenApiParameter(
                        "genre", str, OpenApiParameter.PATH, enum=GENRES, description="The genre."
                    ),
                    LIMIT,
                ],
                responses={
                    200: answers("GenreList", "Most popular first.", {"genre": [parts.MOVIE_EXAMPLE]}),
                    400: parts.BAD_PARAMETER,
                    404: parts.NO_SUCH,
                    **parts.READ_ERRORS,
                },
            )
            def get(self, request: Any, genre: str) -> Any:
                """Described above."""

        return Described


class DescribedMovies(OpenApiViewExtension):
    target_class = "movies.api.writes.Movies"

    def view_replacement(self) -> type:
        class Described(self.target_class):  # type: ignore[name-defined]
            @extend_schema(
                operation_id="listMovies",
                tags=["For clients"],
                summary="Search and list the inventory",
                description="Pages follow each other by `next` and `previous`; the last is as fast. A "
                "distributor's key is shown hidden movies too.",
                auth=PUBLIC,
                parameters=[
                    OpenApiParameter(
                        "q",
                        str,
                        description="Words of the title: without accents or marks, joined or parted by signs, "
                        "begun, misspelt, or some too many. Best match first, popularity breaks ties; the "
                        f"{MAX_RESULTS} best can be paged through. {MAX_QUERY_LENGTH} characters count.",
                        examples=[OpenApiExample("Misspelt", "lord of the rigns")],
                    ),
                    OpenApiParameter("genre", str, enum=GENRES, description="Only movies with some of it."),
                    OpenApiParameter(
                        "ordering",
                        str,
                        enum=ORDERINGS,
                        description="`popularity` is the number of views. By default the best match first; "
                        "without `q`, by id.",
                    ),
                    LIMIT,
                    OpenApiParameter("cursor", str, description="From `next` or `previous`."),
                ],
                responses={
                    200: answers(
                        "MoviePage",
                        "A page.",
                        {
                            "movies": [parts.MOVIE_EXAMPLE],
                            "next": "/tetraflix/movies?q=lord&cursor=eyJvIjoyMH0",
                            "previous": None,
                        },
                    ),
                    400: parts.BAD_PARAMETER,
                    **parts.INVENTORY_READ_ERRORS,
                },
            )
            def get(self, request: Any) -> Any:
                """Described above."""

            @extend_schema(
                operation_id="addMovies",
                tags=["For distributors"],
                summary="Add a movie, or up to 1,000",
                description="A list is added as a whole or not at all; errors are by its index. "
                "Every change is also announced on the bus.",
                auth=KEYED,
                parameters=[parts.IDEMPOTENCY_KEY],
                request=as_json({"oneOf": [ref("NewMovie"), ref("NewMovies")]}),
                examples=[
                    OpenApiExample("One", NEW_MOVIE, request_only=True),
                    OpenApiExample("Several", [NEW_MOVIE], request_only=True),
                ],
                responses={
                    201: answers(
                        {
                            "oneOf": [
                                ref("WrittenMovie"),
                                {"type": "array", "items": ref("WrittenMovie")},
                            ]
                        },
                        "As stored. `Location` and `ETag` are those of a single movie.",
                        parts.WRITTEN_EXAMPLE,
                    ),
                    **parts.WRITE_ERRORS,
                    **parts.BODY_ERRORS,
                    **parts.POST_ERRORS,
                },
            )
            def post(self, request: Any) -> Any:
                """Described above."""

        return Described


def _changes(operation_id: str, summary: str, shape: str, description: str) -> Any:
    return extend_schema(
        operation_id=operation_id,
        tags=["For distributors"],
        summary=summary,
        description=description,
        auth=KEYED,
        parameters=[parts.MOVIE_ID, parts.IF_MATCH],
        request=as_json(ref(shape)),
        examples=[OpenApiExample("Example", NEW_MOVIE, request_only=True)],
        responses={
            200: answers("WrittenMovie", "As stored now.", parts.WRITTEN_EXAMPLE),
            404: parts.NO_SUCH,
            409: parts.CONFLICT,
            412: parts.PRECONDITION,
            **parts.WRITE_ERRORS,
            **parts.BODY_ERRORS,
        },
    )


class DescribedMovie(OpenApiViewExtension):
    target_class = "movies.api.writes.OneMovie"

    def view_replacement(self) -> type:
        class Described(self.target_class):  # type: ignore[name-defined]
            @extend_schema(
                operation_id="getMovie",
                tags=["For clients"],
                summary="One movie",
                description="A distributor's key is shown hidden movies too. A movie as it was read can be put back.",
                auth=PUBLIC,
                parameters=[parts.MOVIE_ID, parts.IF_NONE_MATCH, parts.ETAG],
                responses={
                    200: answers("SeenMovie", "The movie.", parts.MOVIE_EXAMPLE),
                    304: parts.NOT_MODIFIED,
                    404: parts.NO_SUCH,
                    **parts.INVENTORY_READ_ERRORS,
                },
            )
            def get(self, request: Any, movie_id: str) -> Any:
                """Described above."""

            @_changes("putMovie", "Replace a movie", "MovieToPut", "Without `hidden`, the movie is shown.")
            def put(self, request: Any, movie_id: str) -> Any:
                """Described above."""

            @_changes("patchMovie", "Change some of a movie", "MovieToPatch", "Only what is given changes.")
            def patch(self, request: Any, movie_id: str) -> Any:
                """Described above."""

            @extend_schema(
                operation_id="deleteMovie",
                tags=["For distributors"],
                summary="Remove a movie",
                description="It disappears from every list at the next request. Again: 404.",
                auth=KEYED,
                parameters=[parts.MOVIE_ID, parts.IF_MATCH],
                request=None,
                responses={204: GONE, 404: parts.NO_SUCH, 412: parts.PRECONDITION, **parts.WRITE_ERRORS},
            )
            def delete(self, request: Any, movie_id: str) -> Any:
                """Described above."""

        return Described
