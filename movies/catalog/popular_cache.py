"""Caches the JSON of the most popular movies of each genre and overall, and checks it at each request."""
# ruff: noqa: S608 - statements are composed of constants; values are parameters

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from movies.catalog.movie_cache import render_entry
from movies.foundation.prepared_statements import PreparedStatement
from movies.genres import GENRE_POSITION, OVERALL
from movies.profiles import TOTAL

MAX_POPULAR_MOVIES = 100  # that a client may ask for
# Visible movies of a full stored list. It is enough for its genre while MAX_POPULAR_MOVIES of them are visible;
# it has twice as many, so that hiding a few of them costs nothing.
STORED_LIST_LENGTH = 200
BOUND_SAMPLE = 2_000  # of the most viewed movies: gives a lower bound of the scores in a list

MOVIE = "m.id || ';' || array_to_string(m.profile, ',') || ';' || m.title"

# Each request checks whether the cache is current. Each change of movies raises the version of the inventory's
# one row, and each refresh rewrites that row, so (version, xmin) identifies a state. It costs as much as `SELECT 1`.
CHECK_SNAPSHOT = PreparedStatement("movies_popular_check", (), "SELECT version, xmin FROM movies_inventory")
# The same, with the movies of a full list if the cache is not current.
READ_LIST = PreparedStatement(
    "movies_popular",
    ("text", "smallint", "bigint", "text"),
    f"""SELECT i.version, i.xmin,
        CASE WHEN i.version = $3 AND i.xmin::text = $4 THEN NULL ELSE ARRAY(
            SELECT {MOVIE}
            FROM movies_popularlist p, unnest(p.movie_ids) WITH ORDINALITY AS best (id, place)
            JOIN movies_movie m ON m.id = best.id AND NOT m.hidden AND ($2 = 0 OR m.profile[$2] > 0)
            WHERE p.genre = $1 AND cardinality(p.movie_ids) >= {STORED_LIST_LENGTH}
            ORDER BY place LIMIT {MAX_POPULAR_MOVIES}) END
        FROM movies_inventory i""",
)

# The best movies by the tables' present state, in the order that popularity.refresh stores (a test compares them).
# `weight` and `condition` are literals, so that the planner can estimate how many movies reach the bound.
BEST = f"""
SELECT {MOVIE} FROM movies_movie m LEFT JOIN movies_viewcount v ON v.movie_id = m.id
WHERE NOT m.hidden AND {{condition}}
ORDER BY coalesce(v.views, 0) * {{weight}} DESC, {{weight}} DESC, m.id LIMIT {MAX_POPULAR_MOVIES}
"""
BOUND = f"""
SELECT score FROM (
    SELECT m.hidden, v.views * {{weight}} AS score
    FROM movies_viewcount v JOIN movies_movie m ON m.id = v.movie_id
    ORDER BY v.views DESC, v.movie_id LIMIT {BOUND_SAMPLE}
) AS most_viewed
WHERE score > 0 AND NOT hidden ORDER BY score DESC LIMIT 1 OFFSET {MAX_POPULAR_MOVIES - 1}
"""
UNFINISHED = f"""
SELECT {MOVIE} FROM movies_viewcount v JOIN movies_movie m ON m.id = v.movie_id
WHERE NOT m.hidden AND v.movie_id <> ALL (%s::bigint[])
    AND v.movie_id NOT IN (SELECT movie_id FROM movies_view WHERE user_id = %s)
ORDER BY v.views DESC, v.movie_id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class PopularMovies:
    """A genre's MAX_POPULAR_MOVIES most popular visible movies, best first; all of them where there are fewer.

    `snapshot` identifies the state it was read from: the inventory's version and its row's xmin.
    """

    snapshot: tuple[int, str]
    ids: tuple[int, ...]
    entries: tuple[bytes, ...]  # as render_entry makes them

    @property
    def complete(self) -> bool:
        """Whether the genre has no other visible movies."""
        return len(self.ids) < MAX_POPULAR_MOVIES


_UNREAD = PopularMovies((-1, ""), (), ())
_cached: dict[str, PopularMovies] = {}


def clear() -> None:
    """Empties the cache."""
    _cached.clear()


def popular_entries(genre: str, limit: int) -> tuple[bytes, ...]:
    """Up to `limit` visible movies, best first, as render_entry makes them.

    Current in every process. `genre` must exist, `limit` is at most MAX_POPULAR_MOVIES. One SQL statement; two
    after a change, four when the stored list is short too. Raises django.db.OperationalError or InterfaceError
    when the database does not answer.
    """
    popular = _cached.get(genre)
    if popular is None or CHECK_SNAPSHOT.row() != popular.snapshot:
        popular = popular_movies(genre)
    return popular.entries[:limit]


def popular_movies(genre: str) -> PopularMovies:
    """All that the cache has for the genre or OVERALL, current. One statement, also after a change."""
    popular = _cached.get(genre, _UNREAD)
    position, (known_version, known_xmin) = str(_position(genre)), popular.snapshot
    version, xmin, rows = READ_LIST.row(f"'{genre}'", position, str(known_version), f"'{known_xmin}'")
    if rows is not None:
        # A list with too few visible movies does not say which movies come next; the tables do.
        movies = _parse(rows if len(rows) == MAX_POPULAR_MOVIES else rank_from_tables(genre))
        ids, entries = tuple(movie_id for movie_id, _ in movies), tuple(entry for _, entry in movies)
        popular = _cached[genre] = PopularMovies((version, xmin), ids, entries)
    return popular


def popular_unfinished(user_id: int, *, excluding: Sequence[int], limit: int) -> list[bytes]:
    """Entries of the overall most popular movies, without those excluded and those that the user ever finished.

    One statement. Its time grows with the number of finishes and hidden movies that it passes over.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNFINISHED, [list(excluding), user_id, limit])
        return [entry for _, entry in _parse(row for (row,) in cursor.fetchall())]


def rank_from_tables(genre: str) -> list[str]:
    """The MAX_POPULAR_MOVIES best rows by the tables' present state, without a lock: tens of ms at 300,000 movies.

    The score of the hundredth among the most viewed movies is a lower bound. A genre with fewer movies than that
    among them is read by its index.
    """
    position = _position(genre)
    weight = f"m.profile[{position}]" if position else "1::bigint"  # a bare 1 would be a column
    of_genre = f"movies_genres(m.profile) @> '{{{position}}}'" if position else "true"
    with connection.cursor() as cursor:
        cursor.execute(BOUND.format(weight=weight))
        bound = cursor.fetchone()
        rows: list[tuple[str]] = []
        if bound:
            fewest = -(-bound[0] // (TOTAL if position else 1))
            above = f"v.views >= {fewest} AND v.views * {weight} >= {bound[0]}"
            cursor.execute(BEST.format(weight=weight, condition=above))
            rows = cursor.fetchall()
        if len(rows) < MAX_POPULAR_MOVIES:  # also when movies above the bound were hidden in between
            cursor.execute(BEST.format(weight=weight, condition=of_genre))
            rows = cursor.fetchall()
    return [row for (row,) in rows]


def _position(genre: str) -> int:
    """The 1-based position of the genre's weight in a profile, as in SQL; 0 for OVERALL."""
    return 0 if genre == OVERALL else GENRE_POSITION[genre] + 1


def _parse(rows: Iterable[str]) -> list[tuple[int, bytes]]:
    found = []
    for row in rows:
        movie_id, weights, title = row.split(";", 2)
        found.append((int(movie_id), render_entry(int(movie_id), title, weights.split(","))))
    return found
