"""A refresh of all popularity lists, and a genre read from the tables, against a scan of the movie table."""

import time
from collections.abc import Callable
from functools import partial

from django.db import connection

from benchmarks.measure import Context, Row, least, row
from movies.catalog import popular_cache
from movies.genres import GENRES, OVERALL
from movies.models import PopularList
from movies.viewing import popularity

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
    scan, refresh, first, genre = least(
        ROUNDS, sequential_scan, refreshed, refreshed_for_the_first_time, slowest_genre
    )
    name = f"popularity of 15 genres, {context.movies:,} movies"
    return [
        row(f"{name} (to one sequential scan)", refresh, "ms", baseline=scan, goal="<= 10"),
        row(f"{name}, with no lists from before", first, "ms", baseline=scan),
        row("the slowest genre's list from the tables", genre, "ms", baseline=scan),
    ]


def milliseconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - started)


def sequential_scan() -> float:
    """The minimum: visits every row and reads no column."""
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


def slowest_genre() -> float:
    """Time of the first read of a genre after most of its list was hidden."""
    return max(milliseconds(partial(popular_cache.rank_from_tables, genre)) for genre in (OVERALL, *GENRES))
