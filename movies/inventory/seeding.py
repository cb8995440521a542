"""Fills the inventory with generated movies by COPY, as a starting state that is not published."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from numpy.typing import NDArray

from movies.genres import GENRES
from movies.inventory import generated_movies
from movies.inventory.services import refuse_other_changes
from movies.models import Movie
from movies.profiles import TOTAL
from movies.viewing import recency

DAYS = 30  # of views by genre, which the dashboard shows
SHARE_OF_DAYS = 0.1  # of all views, dated to these days
COPY_CHUNK_BYTES = 1 << 18  # read by COPY at a time: large enough that calls cost little

# each weight as the four characters ` 40,`, because PostgreSQL allows blanks in arrays and one width is sliced fast
WEIGHTS = np.array([f"{weight:3d},".encode() for weight in range(TOTAL + 1)])
ROW_OF_WEIGHTS = 4 * len(GENRES)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Seeded:
    """The result of seeding: so many movies, with ids from `first` on, their views, and those of the most viewed."""

    movies: int
    first: int
    views: int
    most_views: int


class ChunkReader(io.RawIOBase):
    """A file for COPY that reads from an iterable of chunks."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """The next chunk, whatever `size` is, because COPY accepts any length; empty at the end."""
        return next(self._chunks, b"")


def top_up(*, movies: int, seed: int, progress: Progress = lambda done: None) -> Seeded:
    """Adds the seed's movies, each under its number as id, until the inventory has at least `movies` movies.

    A seed gives the same movie for the same id, whether movies were added at once or not. Calls `progress` with the
    number of rows (two a movie) written since its last call. Other changes of the inventory are refused meanwhile.
    Raises InventoryBusy during another bulk change.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        refuse_other_changes()
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'on'")
        cursor.execute("SELECT FROM movies_inventory FOR UPDATE")
        missing = movies - Movie.objects.count()
        cursor.execute(
            "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('movies_movie', 'id')), 0)"
        )
        first = cursor.fetchone()[0] + 1
        if missing <= 0:
            return Seeded(0, first, 0, 0)
        drawn: list[NDArray[np.int64]] = []
        weights = np.zeros(len(GENRES))
        made = generated_movies.movies(seed=seed, first=first, count=missing)
        copy(cursor, "movies_movie (id, title, profile)", _movie_rows(made, drawn, weights, progress))
        views = np.concatenate(drawn)
        copy(cursor, "movies_viewcount (movie_id, views, recent)", view_rows(first, views, progress))
        _add_genre_views(cursor, seed, weights)
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'off'")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE movies_movie, movies_viewcount")
    return Seeded(missing, first, int(views.sum()), int(views.max()))


def copy(cursor: Any, table: str, chunks: Iterable[bytes]) -> None:
    """Copies chunks of COPY's text format into the table."""
    cursor.copy_expert(f"COPY {table} FROM STDIN", ChunkReader(chunks), COPY_CHUNK_BYTES)


def movie_rows(movies: generated_movies.Generated) -> bytes:
    """The movies in COPY's text format: id, title and profile."""
    cells = WEIGHTS[movies.profiles].tobytes()
    profiles = [
        cells[start : start + ROW_OF_WEIGHTS - 1].decode() for start in range(0, len(cells), ROW_OF_WEIGHTS)
    ]
    return "".join(
        f"{movie_id}\t{title}\t{{{profile}}}\n"
        for movie_id, (title, profile) in enumerate(zip(movies.titles, profiles, strict=True), movies.first)
    ).encode()


def view_rows(
    first: int, views: NDArray[np.int64], progress: Progress = lambda done: None
) -> Iterator[bytes]:
    """The view counts of the movies from id `first` on, in COPY's text format: all views are of today."""
    today = recency.weight(datetime.now(UTC).date(), settings.POPULARITY_HALF_LIFE_DAYS)
    for start in range(0, len(views), generated_movies.BLOCK_SIZE):
        part = views[start : start + generated_movies.BLOCK_SIZE].tolist()
        yield "".join(
            f"{movie_id}\t{count}\t{count * today}\n" for movie_id, count in enumerate(part, first + start)
        ).encode()
        progress(len(part))


def _movie_rows(
    made: Iterable[generated_movies.Generated],
    views: list[NDArray[np.int64]],
    weights: NDArray[np.float64],
    progress: Progress,
) -> Iterator[bytes]:
    for movies in made:
        yield movie_rows(movies)
        views.append(movies.views)
        weights += movies.views @ movies.profiles
        progress(len(movies))


def _add_genre_views(cursor: Any, seed: int, weights: NDArray[np.float64]) -> None:
    """Dates some of the views to the last days, more of them to weekends, in proportion to the genres."""
    draw = np.random.default_rng(seed)
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=ago) for ago in range(DAYS)]
    busy = np.array([1.5 if day.weekday() >= 5 else 1.0 for day in days]) * draw.uniform(0.9, 1.1, DAYS)
    shares = busy[:, None] * draw.uniform(0.85, 1.15, (DAYS, len(GENRES)))
    shares *= SHARE_OF_DAYS / shares.sum(axis=0)
    cursor.execute(
        """
        INSERT INTO movies_genreviews AS kept (day, genre, weight)
        SELECT * FROM unnest(%s::date[], %s::text[], %s::bigint[]) AS new (day, genre, weight)
        WHERE weight > 0 ORDER BY day, genre
        ON CONFLICT (day, genre) DO UPDATE SET weight = kept.weight + excluded.weight
        """,
        [
            [day for day in days for _ in GENRES],
            list(GENRES) * DAYS,
            np.floor(shares * weights).astype(np.int64).ravel().tolist(),
        ],
    )
