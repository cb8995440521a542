"""The most popular movies of a genre as ready-made JSON: for `GET genre`, and for users without lists."""

from dataclasses import dataclass

from movies.catalog import entry
from movies.prepared import Prepared

LONGEST = 100  # movies that a client may ask for

# What each request asks: is what is held still right? Each change of movies raises the version of the inventory's
# one row, and new lists write it anew, so one row tells; it costs PostgreSQL what `SELECT 1` does.
CHECK = Prepared("movies_chart_check", (), "SELECT version, xmin FROM movies_inventory")
# The same with the movies, if not.
CHART = Prepared(
    "movies_chart",
    ("text", "bigint", "text"),
    f"""SELECT i.version, i.xmin,
        CASE WHEN i.version = $2 AND i.xmin::text = $3 THEN NULL ELSE ARRAY(
            SELECT m.id || ';' || array_to_string(m.profile, ',') || ';' || m.title
            FROM movies_popularlist p, unnest(p.movie_ids) WITH ORDINALITY AS best (id, place)
            JOIN movies_movie m ON m.id = best.id AND NOT m.hidden
            WHERE p.genre = $1 ORDER BY place LIMIT {LONGEST}) END
        FROM movies_inventory i""",  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class _Chart:
    """A genre's movies, and what they were read at: the inventory's version and its row's last writer."""

    at: tuple[int, str]
    entries: tuple[bytes, ...]


_UNREAD = _Chart((-1, ""), ())
_held: dict[str, _Chart] = {}


def most_popular(genre: str, limit: int) -> tuple[bytes, ...]:
    """Up to `limit` visible movies, best first, as `catalog.entry` makes them.

    Right as of now, in every process. `genre` is one that exists, `limit` at most LONGEST. One SQL statement;
    two when something changed. Raises django.db.OperationalError or InterfaceError when the database is away.
    """
    held = _held.get(genre)
    if held is not None and CHECK.row() == held.at:
        return held.entries[:limit]
    return in_one_statement(genre, limit)


def in_one_statement(genre: str, limit: int) -> tuple[bytes, ...]:
    """The same, never with a second statement; OVERALL stands for all genres together."""
    held = _held.get(genre, _UNREAD)
    version, writer, rows = CHART.row(f"'{genre}'", str(held.at[0]), f"'{held.at[1]}'")
    if rows is not None:
        held = _held[genre] = _Chart((version, writer), tuple(map(_entry, rows)))
    return held.entries[:limit]


def _entry(row: str) -> bytes:
    movie_id, weights, title = row.split(";", 2)
    return entry(int(movie_id), title, weights.split(","))
