"""`GET /tetraflix/movies`: search, filter, order, and pages linked by cursors."""

from dataclasses import dataclass
from urllib.parse import urlencode

import orjson
from django.db import connection
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import ValidationError

from movies.api.reads import DEFAULT_LIMIT, distributor_json
from movies.catalog.movie_cache import NO_PROGRESS, movie_cache, render_entry
from movies.foundation.numbers import whole_number
from movies.foundation.read_view import ReadView, json_response
from movies.genres import GENRE_POSITION, GENRES
from movies.models import Movie
from movies.search.cursors import BadCursor, Cursor, Offset
from movies.search.engine import MAX_RESULTS, search
from movies.search.filters import Filters
from movies.search.keyset_pagination import MAX_PAGE_SIZE, ORDERINGS, key_type, page, sorted_ids

PARAMETERS = ("q", "genre", "ordering", "limit", "cursor")


class MovieList(ReadView):
    """`GET /tetraflix/movies?q=&genre=&ordering=&limit=&cursor=`"""

    key_shows_more = True

    def get(self, request: HttpRequest) -> HttpResponse:
        """Pages follow each other by `next` and `previous`; the last is as fast as the first.

        A distributor's key is shown hidden movies too.
        """
        asked = _parsed_query(request)
        hidden = None if self.shows_hidden(request) else False
        movies, previous, following = _searched(asked, hidden) if asked.q else _paged(asked, hidden)
        return json_response(
            b'{"movies":[%b],"next":%b,"previous":%b}'
            % (b",".join(movies), _link(request, following), _link(request, previous))
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    q: str
    genre: str | None
    ordering: str | None
    limit: int
    cursor: Cursor | None
    offset: int  # in the results of a search


def _parsed_query(request: HttpRequest) -> _Asked:
    """The query parameters. Raises ValidationError that names every bad one."""
    given = request.GET
    errors: dict[str, list[str]] = {
        name: [f"Unknown parameter; there are {', '.join(PARAMETERS)}."]
        for name in given
        if name not in PARAMETERS
    }
    q = given.get("q", "").strip()
    genre = given.get("genre") or None
    if genre and genre not in GENRE_POSITION:
        errors["genre"] = [f"Unknown genre. The {len(GENRES)} are: {', '.join(GENRES)}."]
    ordering = given.get("ordering") or None
    if ordering and ordering not in ORDERINGS:
        errors["ordering"] = [f"One of {', '.join(ORDERINGS)}."]
    limit = whole_number(given.get("limit") or str(DEFAULT_LIMIT), most=MAX_PAGE_SIZE)
    if limit is None:
        errors["limit"] = [f"A whole number from 1 to {MAX_PAGE_SIZE}."]
    cursor, offset = None, 0
    if given.get("cursor") and "ordering" not in errors:
        try:
            if q:
                offset = Offset.decode(given["cursor"]).number
            else:
                cursor = Cursor.decode(given["cursor"], key_type(ordering or "id"))
        except BadCursor:
            errors["cursor"] = ["Not a cursor of this list; take them from `next` and `previous`."]
    if errors:
        raise ValidationError(errors)
    return _Asked(q, genre, ordering, limit or DEFAULT_LIMIT, cursor, offset)


def _paged(asked: _Asked, hidden: bool | None) -> tuple[list[bytes], str | None, str | None]:
    found = page(
        ordering=asked.ordering or "id",
        filters=Filters(genre=asked.genre, hidden=hidden),
        cursor=asked.cursor,
        limit=asked.limit,
    )
    if hidden is None:
        movies = _for_distributors([row[0] for row in found.rows])
    else:
        movies = [
            render_entry(movie_id, title, weights.split(",")) + NO_PROGRESS
            for movie_id, title, weights, _ in found.rows
        ]
    return (
        movies,
        found.previous.encode() if found.previous else None,
        found.following.encode() if found.following else None,
    )


def _searched(asked: _Asked, hidden: bool | None) -> tuple[list[bytes], str | None, str | None]:
    offset, filters = asked.offset, Filters(genre=asked.genre, hidden=hidden)
    if asked.ordering:
        # the best matches, in another order: all of them are found first
        ids = search(asked.q, filters, limit=MAX_RESULTS)
        ids = sorted_ids(ids, ordering=asked.ordering, hidden=hidden)[offset : offset + asked.limit + 1]
    else:
        ids = search(asked.q, filters, limit=asked.limit + 1, offset=offset)
    following = Offset(offset + asked.limit).encode() if len(ids) > asked.limit else None
    previous = Offset(max(0, offset - asked.limit)).encode() if offset else None
    ids = ids[: asked.limit]
    return _for_distributors(ids) if hidden is None else _visible(ids), previous, following


def _visible(movie_ids: list[int]) -> list[bytes]:
    """The movies as every client sees them, without hidden ones."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM movies_inventory")
        (version,) = cursor.fetchone()
    return [found + NO_PROGRESS for found in movie_cache.find(version, movie_ids) if found]


def _for_distributors(movie_ids: list[int]) -> list[bytes]:
    """The movies as distributors see them, with hidden ones."""
    movies = Movie.objects.in_bulk(movie_ids)
    return [distributor_json(movies[movie_id]) for movie_id in movie_ids if movie_id in movies]


def _link(request: HttpRequest, cursor: str | None) -> bytes:
    """Relative to the service, because it need not know the scheme and host that a proxy shows to clients."""
    if cursor is None:
        return b"null"
    query = {name: request.GET[name] for name in PARAMETERS if request.GET.get(name)} | {"cursor": cursor}
    return orjson.dumps(f"{request.path}?{urlencode(query)}")
