"""The most popular movies of a genre and of all, as ready-made JSON that is right at the next request."""
# ruff: noqa: S608 - statements are put together from parts written here; values travel as parameters

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from movies.catalog.movie_cache import entry
from movies.foundation.prepared_statements import PreparedStatement
from movies.genres import GENRE_POSITION, OVERALL
from movies.profiles import TOTAL

LONGEST = 100  # movies that a client may ask for
# Places of a stored list. A full list answers for its genre while LONGEST of its movies are visible; there are
# twice as many, so that a few hidden ones cost nothing.
PLACES = 200
LOOKED_AT = 2_000  # of the most viewed movies, for a bound of what can be among the LONGEST best

MOVIE = "m.id || ';' || array_to_string(m.profile, ',') || ';' || m.title"

# What each request asks: is what is held still right? Each change of movies raises the version of the inventory's
# one row, and new lists write it anew, so one row tells; it costs PostgreSQL what `SELECT 1` does.
CHECK = PreparedStatement("movies_chart_check", (), "SELECT version, xmin FROM movies_inventory")
# The same with the movies of a full list, if not.
CHART = PreparedStatement(
    "movies_chart",
    ("text", "smallint", "bigint", "text"),
    f"""SELECT i.version, i.xmin,
        CASE WHEN i.version = $3 AND i.xmin::text = $4 THEN NULL ELSE ARRAY(
            SELECT {MOVIE}
            FROM movies_popularlist p, unnest(p.movie_ids) WITH ORDINALITY AS best (id, place)
            JOIN movies_movie m ON m.id = best.id AND NOT m.hidden AND ($2 = 0 OR m.profile[$2] > 0)
            WHERE p.genre = $1 AND cardinality(p.movie_ids) >= {PLACES} ORDER BY place LIMIT {LONGEST}) END
        FROM movies_inventory i""",
)

# The best movies as the tables have them now, in the order that popularity.refresh stores (a test compares the
# two). `weight` and `condition` are put in, so that the planner knows how many movies reach the bound.
BEST = f"""
SELECT {MOVIE} FROM movies_movie m LEFT JOIN movies_viewcount v ON v.movie_id = m.id
WHERE NOT m.hidden AND {{condition}}
ORDER BY coalesce(v.views, 0) * {{weight}} DESC, {{weight}} DESC, m.id LIMIT {LONGEST}
"""
BOUND = f"""
SELECT score FROM (
    SELECT m.hidden, v.views * {{weight}} AS score
    FROM movies_viewcount v JOIN movies_movie m ON m.id = v.movie_id
    ORDER BY v.views DESC, v.movie_id LIMIT {LOOKED_AT}
) AS most_viewed
WHERE score > 0 AND NOT hidden ORDER BY score DESC LIMIT 1 OFFSET {LONGEST - 1}
"""
UNFINISHED = f"""
SELECT {MOVIE} FROM movies_viewcount v JOIN movies_movie m ON m.id = v.movie_id
WHERE NOT m.hidden AND v.movie_id <> ALL (%s::bigint[])
    AND v.movie_id NOT IN (SELECT movie_id FROM movies_view WHERE user_id = %s)
ORDER BY v.views DESC, v.movie_id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Chart:
    """A genre's LONGEST most popular visible movies, best first; all of them where there are fewer.

    `at` is what it was read at: the inventory's version and its row's last writer.
    """

    at: tuple[int, str]
    ids: tuple[int, ...]
    entries: tuple[bytes, ...]  # as `catalog.entry` makes them

    @property
    def complete(self) -> bool:
        return len(self.ids) < LONGEST


_UNREAD = Chart((-1, ""), (), ())
_held: dict[str, Chart] = {}


def most_popular(genre: str, limit: int) -> tuple[bytes, ...]:
    """Up to `limit` visible movies, best first, as `catalog.entry` makes them.

    Right as of now, in every process. `genre` is one that exists, `limit` at most LONGEST. One SQL statement;
    two when something changed, four when the stored list is short too. Raises django.db.OperationalError or
    InterfaceError when the database does not answer.
    """
    held = _held.get(genre)
    if held is None or CHECK.row() != held.at:
        held = chart(genre)
    return held.entries[:limit]


def chart(genre: str) -> Chart:
    """The same LONGEST movies, in one statement where something changed too; OVERALL stands for all genres."""
    held = _held.get(genre, _UNREAD)
    position = str(_position(genre))
    version, writer, rows = CHART.row(f"'{genre}'", position, str(held.at[0]), f"'{held.at[1]}'")
    if rows is not None:
        # A list that is thinned out, or not full, cannot tell which movies are next: the tables can.
        movies = _movies(rows if len(rows) == LONGEST else from_tables(genre))
        held = _held[genre] = Chart(
            (version, writer), tuple(movie_id for movie_id, _ in movies), tuple(found for _, found in movies)
        )
    return held


def unfinished(user_id: int, *, beside: Sequence[int], limit: int) -> list[bytes]:
    """The overall most popular movies but for those `beside` and those that the user ever finished.

    One statement, in time that grows with what is passed over: their finishes, and hidden movies.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNFINISHED, [list(beside), user_id, limit])
        return [found for _, found in _movies(row for (row,) in cursor.fetchall())]


def from_tables(genre: str) -> list[str]:
    """The LONGEST best rows as the tables have them now, without a lock: tens of milliseconds at 300,000 movies.

    The hundredth of the most viewed movies bounds what is among the LONGEST best. A genre that has not so many
    of those is found by its index.
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
        if len(rows) < LONGEST:  # also where movies above the bound were hidden in between
            cursor.execute(BEST.format(weight=weight, condition=of_genre))
            rows = cursor.fetchall()
    return [row for (row,) in rows]


def _position(genre: str) -> int:
    """Of the genre's weight in a profile as SQL counts; 0 for all genres together."""
    return 0 if genre == OVERALL else GENRE_POSITION[genre] + 1


def _movies(rows: Iterable[str]) -> list[tuple[int, bytes]]:
    found = []
    for row in rows:
        movie_id, weights, title = row.split(";", 2)
        found.append((int(movie_id), entry(int(movie_id), title, weights.split(","))))
    return found
