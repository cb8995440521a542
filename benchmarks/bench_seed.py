"""Seeding movies, against a bare COPY of the same rows into tables with the same indexes and checks."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from django.core.management import call_command
from django.db import connection

from benchmarks.measure import Context, Row, least, row
from movies import seeding

ROUNDS = 3
DATABASE = "bench_seed"
TABLES = {"movies_movie": "id, title, profile", "movies_viewcount": "movie_id, views"}


def run(context: Context) -> list[Row]:
    with empty_database(context), tempfile.TemporaryFile() as movies, tempfile.TemporaryFile() as views:
        files = dict(zip(TABLES, (movies, views), strict=True))
        prepare(context.movies, files)
        seeded, bare = least(ROUNDS, lambda: seed(context.movies), lambda: copy(files))
    name = f"seeding {context.movies:,} movies (to a bare COPY of the same rows)"
    return [row(name, seeded, "s", baseline=bare, goal="<= 2")]


@contextmanager
def empty_database(context: Context) -> Iterator[None]:
    """This process works on a fresh, migrated database of the same server."""
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


def prepare(count: int, files: dict[str, IO[bytes]]) -> None:
    """The seeded rows as files, and tables like ours for them, without triggers."""
    seed(count)
    with connection.cursor() as cursor:
        for table, columns in TABLES.items():
            cursor.copy_expert(f"COPY {table} ({columns}) TO STDOUT", files[table])
            cursor.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")


def seed(count: int) -> float:
    """Seconds to fill the emptied inventory, generating included."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE movies_movie, movies_viewcount, movies_genreviews RESTART IDENTITY")
        cursor.execute("CHECKPOINT")
    started = time.perf_counter()
    seeding.top_up(movies=count, seed=1)
    return time.perf_counter() - started


def copy(files: dict[str, IO[bytes]]) -> float:
    """Seconds to COPY the same rows into the emptied bare tables."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(f'bare_{table}' for table in TABLES)}")
        cursor.execute("CHECKPOINT")
        started = time.perf_counter()
        for table, columns in TABLES.items():
            files[table].seek(0)
            cursor.copy_expert(f"COPY bare_{table} ({columns}) FROM STDIN", files[table])
        return time.perf_counter() - started
