"""Refreshing the popularity of all 15 genres, against one sequential scan of the movie table."""

import time
from collections.abc import Callable

from django.db import connection

from benchmarks.measure import Context, Row, least, row
from movies import popularity
from movies.models import PopularList

ROUNDS = 7
SCAN = (
    "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;"
    " SET max_parallel_workers_per_gather = 0"
)
RESET = (
    "RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan;"
    " RESET max_parallel_workers_per_gather"
)


def run(context: Context) -> list[Row]:
    context.seed()
    scan, refresh, first = least(ROUNDS, sequential_scan, refreshed, refreshed_for_the_first_time)
    name = f"popularity of 15 genres, {context.movies:,} movies"
    return [
        row(f"{name} (to one sequential scan)", refresh, "ms", baseline=scan, goal="<= 10"),
        row(f"{name}, with no lists from before", first, "ms", baseline=scan),
    ]


def milliseconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - started)


def sequential_scan() -> float:
    """The barest: every row is visited, and no column of it read."""
    with connection.cursor() as cursor:
        cursor.execute(SCAN)
        taken = milliseconds(lambda: cursor.execute("SELECT count(*) FROM movies_movie"))
        cursor.execute(RESET)
    return taken


def refreshed() -> float:
    return milliseconds(popularity.refresh)


def refreshed_for_the_first_time() -> float:
    PopularList.objects.all().delete()
    return milliseconds(popularity.refresh)
