"""A large inventory for the tests of one module, outside of their transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.db import connection


@contextmanager
def seeded_inventory(blocker: Any, movies: int) -> Iterator[None]:
    """Seeds and analyzes the inventory, and empties it at the end. `blocker`: django_db_blocker."""
    with blocker.unblock():
        call_command("seed_movies", movies=movies, seed=1)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        yield
        with connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE movies_movie, movies_viewcount, movies_genreviews, movies_popularlist,"
                " movies_moviechange CASCADE"
            )
