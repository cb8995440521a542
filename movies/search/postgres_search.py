"""Search in PostgreSQL: each reading of a query by the index of titles' terms.

Every step looks at a bounded number of rows, so that no query takes long, whatever is asked.
"""
# ruff: noqa: S608 - statements are put together from parts written here; values travel as parameters

from collections.abc import Iterable
from typing import Any

from django.db import connection

from movies.genres import GENRE_POSITION
from movies.search.spelling import COMMON, IN_COMMON, MOST_RESULTS, AllOf, Meaning, SomeOf, tsquery
from movies.search.title_words import Reading, first_found

MOST_WALKED = (
    5_000  # of the most viewed movies: among them the first titles of a very common word are looked for
)

# OFFSET 0 keeps the planner from walking another index in hope of an early end.
MATCHING = """
SELECT id FROM (
    SELECT id FROM movies_movie WHERE movies_terms(title) @@ %s::tsquery AND {visible} OFFSET 0
) AS matching LIMIT {most}
"""
POPULAR = """
SELECT id FROM movies_movie
WHERE movies_terms(title) @@ %s::tsquery AND {visible}
    AND id = ANY (ARRAY(SELECT movie_id FROM movies_viewcount ORDER BY views DESC, movie_id LIMIT {walked}))
"""
FIRST = "views DESC NULLS LAST, id"
BY_VIEWS = """
SELECT id, count(*) OVER () FROM ({found}) AS found LEFT JOIN movies_viewcount ON movie_id = id
ORDER BY {first} LIMIT {most}
"""
BY_WEIGHT = """
SELECT id, title, weight, views
FROM (SELECT id, sum(weight) AS weight FROM ({found}) AS found GROUP BY id) AS weighed
JOIN movies_movie USING (id) LEFT JOIN movies_viewcount ON movie_id = id
ORDER BY weight DESC, {first} LIMIT {most}
"""
# The terms of the best are made once each.
WITH_COMMON = """
SELECT id FROM (SELECT id, weight, views, movies_terms(title) AS terms FROM ({best}) AS best OFFSET 0) AS best
ORDER BY weight + {common} DESC, {first} LIMIT {most}
"""


def find(
    q: str, *, genre: str | None = None, hidden: bool | None = False, limit: int, offset: int = 0
) -> list[int]:
    """Ids of movies for the query, best match first, more views first among equal ones.

    `hidden`: None for movies hidden or not. Nothing beyond the first MOST_RESULTS is ever found.
    """
    visible = _visible(genre, hidden)

    def engine(reading: Reading, most: int) -> list[int]:
        if isinstance(reading, AllOf):
            return _all_of(reading, visible, most)
        return _some_of(reading, visible)

    return first_found(q, engine, limit=limit, offset=offset)


def _all_of(reading: AllOf, visible: str, most: int) -> list[int]:
    ids: dict[int, None] = {}
    for tier in reading.tiers:
        ids |= dict.fromkeys(_with_all(tier, visible))
        if len(ids) >= most:
            break
    return list(ids)


def _with_all(meanings: Iterable[Meaning], visible: str) -> list[int]:
    query = tsquery(meanings)
    matching = MATCHING.format(visible=visible, most=COMMON)
    rows = _rows(BY_VIEWS.format(found=matching, first=FIRST, most=MOST_RESULTS), [query])
    if rows and rows[0][1] == COMMON:  # there may be more: the most viewed come first
        popular = POPULAR.format(visible=visible, walked=MOST_WALKED)
        rows = _rows(BY_VIEWS.format(found=popular, first=FIRST, most=MOST_RESULTS), [query]) + rows
    return [movie_id for movie_id, _ in rows]


def _some_of(reading: SomeOf, visible: str) -> list[int]:
    found, values = [], []
    for meaning, weight in reading.telling:
        source = POPULAR if weight == IN_COMMON else MATCHING
        titles = source.format(visible=visible, walked=MOST_WALKED, most=COMMON)
        found.append(f"SELECT id, {weight} AS weight FROM ({titles}) AS titles")
        values.append(tsquery([meaning]))
    best = BY_WEIGHT.format(found=" UNION ALL ".join(found), first=FIRST, most=COMMON)
    common = " + ".join(["0", *("(terms @@ %s::tsquery)::int" for _ in reading.common)])
    rows = _rows(
        WITH_COMMON.format(best=best, common=common, first=FIRST, most=MOST_RESULTS),
        [*values, *(tsquery([meaning]) for meaning in reading.common)],
    )
    return [movie_id for (movie_id,) in rows]


def _visible(genre: str | None, hidden: bool | None) -> str:
    """What else a result has to be, as SQL."""
    conditions = [] if hidden is None else ["hidden" if hidden else "NOT hidden"]
    if genre is not None:
        conditions.append(f"profile[{GENRE_POSITION[genre] + 1}] > 0")
    return " AND ".join(conditions) or "true"


def _rows(sql: str, parameters: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
