"""Search in PostgreSQL: runs each reading of a query over the index of the terms of titles.

Every step reads a bounded number of rows, so that no query takes long.
"""
# ruff: noqa: S608 - statements are built from constants of this file; values are passed as parameters

from collections.abc import Iterable
from typing import Any

from django.db import connection

from movies.search.filters import Filters
from movies.search.spelling import (
    COMMON_WEIGHT,
    MAX_RARE_TITLES,
    MAX_RESULTS,
    AllOf,
    Meaning,
    SomeOf,
    tsquery,
)
from movies.search.title_words import Reading, first_found

MAX_POPULAR_SCANNED = 5_000  # of the most viewed movies, to find the first titles of a very common word

# OFFSET 0 keeps the planner from scanning another index in the hope of an early end.
MATCHING = """
SELECT id FROM (
    SELECT id FROM movies_movie m WHERE movies_terms(title) @@ %s::tsquery AND {visible} OFFSET 0
) AS matching LIMIT {limit}
"""
POPULAR = """
SELECT id FROM movies_movie m
WHERE movies_terms(title) @@ %s::tsquery AND {visible}
    AND id = ANY (ARRAY(SELECT movie_id FROM movies_viewcount ORDER BY views DESC, movie_id LIMIT {scanned}))
"""
BEST_FIRST = "views DESC NULLS LAST, id"
BY_VIEWS = """
SELECT id, count(*) OVER () FROM ({found}) AS found LEFT JOIN movies_viewcount ON movie_id = id
ORDER BY {first} LIMIT {limit}
"""
BY_WEIGHT = """
SELECT id, title, weight, views
FROM (SELECT id, sum(weight) AS weight FROM ({found}) AS found GROUP BY id) AS weighed
JOIN movies_movie USING (id) LEFT JOIN movies_viewcount ON movie_id = id
ORDER BY weight DESC, {first} LIMIT {limit}
"""
# OFFSET 0 makes PostgreSQL compute the terms of each title once.
WITH_COMMON = """
SELECT id FROM (SELECT id, weight, views, movies_terms(title) AS terms FROM ({best}) AS best OFFSET 0) AS best
ORDER BY weight + {common} DESC, {first} LIMIT {limit}
"""


def find(q: str, filters: Filters, *, limit: int, offset: int = 0) -> list[int]:
    """As engine.search: ids of at most MAX_RESULTS movies, best match first."""
    visible = " AND ".join([filters.state(), *filters.tests()])

    def engine(reading: Reading, limit: int) -> list[int]:
        if isinstance(reading, AllOf):
            return _all_of(reading, visible, limit)
        return _some_of(reading, visible)

    return first_found(q, engine, limit=limit, offset=offset)


def _all_of(reading: AllOf, visible: str, limit: int) -> list[int]:
    ids: dict[int, None] = {}
    for tier in reading.tiers:
        ids |= dict.fromkeys(_with_all(tier, visible))
        if len(ids) >= limit:
            break
    return list(ids)


def _with_all(meanings: Iterable[Meaning], visible: str) -> list[int]:
    query = tsquery(meanings)
    matching = MATCHING.format(visible=visible, limit=MAX_RARE_TITLES)
    rows = _rows(BY_VIEWS.format(found=matching, first=BEST_FIRST, limit=MAX_RESULTS), [query])
    if rows and rows[0][1] == MAX_RARE_TITLES:  # there may be more, so the most viewed come first
        popular = POPULAR.format(visible=visible, scanned=MAX_POPULAR_SCANNED)
        rows = _rows(BY_VIEWS.format(found=popular, first=BEST_FIRST, limit=MAX_RESULTS), [query]) + rows
    return [movie_id for movie_id, _ in rows]


def _some_of(reading: SomeOf, visible: str) -> list[int]:
    found, values = [], []
    for meaning, weight in reading.rare:
        source = POPULAR if weight == COMMON_WEIGHT else MATCHING
        titles = source.format(visible=visible, scanned=MAX_POPULAR_SCANNED, limit=MAX_RARE_TITLES)
        found.append(f"SELECT id, {weight} AS weight FROM ({titles}) AS titles")
        values.append(tsquery([meaning]))
    best = BY_WEIGHT.format(found=" UNION ALL ".join(found), first=BEST_FIRST, limit=MAX_RARE_TITLES)
    common = " + ".join(["0", *("(terms @@ %s::tsquery)::int" for _ in reading.common)])
    rows = _rows(
        WITH_COMMON.format(best=best, common=common, first=BEST_FIRST, limit=MAX_RESULTS),
        [*values, *(tsquery([meaning]) for meaning in reading.common)],
    )
    return [movie_id for (movie_id,) in rows]


def _rows(sql: str, parameters: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
