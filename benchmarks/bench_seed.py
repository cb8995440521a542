"""Seeding, against a bare COPY of the same rows into tables with the same indexes and checks."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import IO

from django.core.management import call_command
from django.db import connection

from benchmarks.measure import Context, Row, least, row
from movies.inventory import seeding
from recommendations.seeding import seeded_users

ROUNDS = 2
DATABASE = "bench_seed"
MOVIES = {"movies_movie": "id, title, profile", "movies_viewcount": "movie_id, views, recent"}
USERS = {
    "recommendations_userlists": "user_id, recommended, recommended_at, watching, progress, watched_at,"
    " removed, finished, recommended_by"
}


def run(context: Context) -> list[Row]:
    with empty_database(context):
        return [
            compared(f"seeding {context.movies:,} movies", MOVIES, lambda: seed_movies(context.movies)),
            compared(f"seeding {context.users:,} users", USERS, lambda: seed_users(context.users)),
        ]


def compared(name: str, tables: dict[str, str], seed: Callable[[], float]) -> Row:
    """Minimum seconds of seeding and of COPY, alternating."""
    with ExitStack() as open_files:
        files = {table: open_files.enter_context(tempfile.TemporaryFile()) for table in tables}
        seed()
        prepare(tables, files)
        seeded, bare = least(ROUNDS, seed, lambda: copy(tables, files))
    return row(f"{name} (to a bare COPY of the same rows)", seeded, "s", baseline=bare, goal="<= 2")


@contextmanager
def empty_database(context: Context) -> Iterator[None]:
    """This process uses a new, migrated database of the same server."""
    home = connection.settings_dict["NAME"]
    context.sql(f"CREATE DATABASE {DATABASE}")
    try:
        use(DATABASE)
        call_command("migrate", verbosity=0)
        yield
    finally:
        use(home)
        context.sql(f"DROP DATABASE {DATABASE}")


def use(database: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = database


def prepare(tables: dict[str, str], files: Mapping[str, IO[bytes]]) -> None:
    """Copies the seeded rows into files, and creates tables of the same form without triggers."""
    with connection.cursor() as cursor:
        for table, columns in tables.items():
            cursor.copy_expert(f"COPY {table} ({columns}) TO STDOUT", files[table])
            cursor.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")


def seed_movies(count: int) -> float:
    """Seconds to generate and fill the truncated inventory."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE movies_movie, movies_viewcount, movies_genreviews RESTART IDENTITY")
        cursor.execute("CHECKPOINT")
    started = time.perf_counter()
    seeding.top_up(movies=count, seed=1)
    return time.perf_counter() - started


def seed_users(count: int) -> float:
    """Seconds to generate and fill the truncated user lists."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE recommendations_userlists")
        cursor.execute("CHECKPOINT")
    started = time.perf_counter()
    seeded_users.top_up(users=count, seed=1)
    return time.perf_counter() - started


def copy(tables: dict[str, str], files: Mapping[str, IO[bytes]]) -> float:
    """Seconds to COPY the same rows into the truncated bare tables."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(f'bare_{table}' for table in tables)}")
        cursor.execute("CHECKPOINT")
        started = time.perf_counter()
        for table, columns in tables.items():
            files[table].seek(0)
            cursor.copy_expert(f"COPY bare_{table} ({columns}) FROM STDIN", files[table])
        return time.perf_counter() - started
