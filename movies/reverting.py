"""A bulk change or an import undone as one: each of its movies goes back to what it was before."""

import uuid
from dataclasses import dataclass

from django.db import connection

from movies.services import change


class NoSuchBatch(LookupError):
    """Nothing is on record under this batch (any more)."""


@dataclass(frozen=True, slots=True)
class Reverted:
    """What reverting came to. `batch` can be reverted in its turn."""

    batch: uuid.UUID
    movies: int
    changed_since: list[int]  # movies left alone, because somebody changed them after the batch


PLAN = """
CREATE TEMPORARY TABLE reverting ON COMMIT DROP AS
SELECT first.movie_id, first.before, movies_title_mended(first.before ->> 'title') AS title,
       ARRAY(SELECT weight::smallint FROM jsonb_array_elements_text(first.before -> 'profile')
             WITH ORDINALITY AS weights (weight, place) ORDER BY place) AS profile,
       (first.before ->> 'hidden')::boolean AS hidden,
       movie.id IS NOT NULL AS present,
       coalesce(movie.version, retired.version) = last.version AS untouched
FROM (SELECT DISTINCT ON (movie_id) movie_id, before FROM movies_moviechange
      WHERE batch = %(batch)s ORDER BY movie_id, version) AS first
JOIN (SELECT movie_id, max(version) AS version FROM movies_moviechange
      WHERE batch = %(batch)s GROUP BY movie_id) AS last ON last.movie_id = first.movie_id
LEFT JOIN movies_movie AS movie ON movie.id = first.movie_id
LEFT JOIN movies_retiredid AS retired ON retired.movie_id = first.movie_id
"""
REMOVE_WHAT_WAS_ADDED = """
DELETE FROM movies_movie USING reverting
WHERE movies_movie.id = reverting.movie_id AND untouched AND present AND before IS NULL
"""
CHANGE_BACK = """
UPDATE movies_movie SET title = reverting.title, profile = reverting.profile, hidden = reverting.hidden
FROM reverting WHERE movies_movie.id = reverting.movie_id AND untouched AND present AND before IS NOT NULL
"""
ADD_WHAT_WAS_DELETED = """
INSERT INTO movies_movie (id, title, profile, hidden)
SELECT movie_id, title, profile, hidden FROM reverting WHERE untouched AND NOT present AND before IS NOT NULL
"""


def revert_batch(*, batch: uuid.UUID, actor: str) -> Reverted:
    """Movies that nobody changed since are as before the batch, in one new batch. Raises NoSuchBatch."""
    new = uuid.uuid4()
    with change(actor=actor, batch=new), connection.cursor() as cursor:
        cursor.execute(PLAN, {"batch": batch})
        cursor.execute("SELECT count(*) FROM reverting")
        if not cursor.fetchone()[0]:
            raise NoSuchBatch(f"There is no batch {batch} on record.")
        movies = 0
        for statement in (REMOVE_WHAT_WAS_ADDED, CHANGE_BACK, ADD_WHAT_WAS_DELETED):
            cursor.execute(statement)
            movies += cursor.rowcount
        cursor.execute("SELECT movie_id FROM reverting WHERE untouched IS NOT TRUE ORDER BY 1")
        changed_since = [movie_id for (movie_id,) in cursor]
        cursor.execute("DROP TABLE reverting")
    return Reverted(new, movies, changed_since)
