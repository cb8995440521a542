"""Reverts changes, of one movie or of a batch: each movie gets the state that it had before them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection

from movies.foundation.times import written
from movies.inventory import history_entries
from movies.inventory.history_entries import Act
from movies.inventory.services import change, delete_movies
from movies.models import HistoryEntry, MovieChange

BATCH_SIZE = 10_000  # movies reverted by one statement: progress moves, and the planner knows the size
Progress = Callable[[int], None]


class CannotRevert(ValueError):
    """Nothing was reverted; the message says why."""


class NotOnRecord(CannotRevert):
    """No such change is on record (any more)."""


class AlreadyReverted(CannotRevert):
    """The batch was reverted before."""

    def __init__(self, by: HistoryEntry) -> None:
        super().__init__(f"{by.actor} reverted this batch already, at {written(by.at)}.")


class ChangedSince(CannotRevert):
    """The movie was changed after the changes that were to be reverted."""

    def __init__(self, movie_id: int, latest: MovieChange) -> None:
        super().__init__(
            f"Movie {movie_id} is at version {latest.version} now:"
            f" {latest.actor or 'unknown'} changed it at {written(latest.at)}. Nothing was reverted."
        )


@dataclass(slots=True)
class Reverted:
    """The result of reverting. `batch`, which holds the reverting changes, can itself be reverted."""

    batch: uuid.UUID
    movies: int = 0
    changed_since: list[int] = field(default_factory=list)  # movies not reverted, because they changed later


# One pass over the batch without a join. Right after a bulk change the planner's statistics lack the batch, and a
# join planned for a few rows takes minutes for 300,000.
MOVIES_OF_BATCH = """
SELECT movie_id, min(version), max(version), count(*) OVER () FROM movies_moviechange
WHERE batch = %s GROUP BY movie_id ORDER BY movie_id
"""
STATES = """
SELECT of_batch.movie_id, of_batch.first, movie.id IS NOT NULL, first.before IS NULL,
       coalesce(movie.version, retired.version) IS NOT DISTINCT FROM of_batch.last
FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS of_batch (movie_id, first, last)
JOIN movies_moviechange AS first ON first.movie_id = of_batch.movie_id AND first.version = of_batch.first
LEFT JOIN movies_movie AS movie ON movie.id = of_batch.movie_id
LEFT JOIN movies_retiredid AS retired ON retired.movie_id = of_batch.movie_id
ORDER BY of_batch.movie_id
"""
BEFORE = """
(SELECT change.movie_id, movies_title_mended(change.before ->> 'title') AS title,
        translate(change.before ->> 'profile', '[]', '{}')::smallint[] AS profile,
        (change.before ->> 'hidden')::boolean AS hidden
 FROM unnest(%s::bigint[], %s::int[]) AS undone (movie_id, version)
 JOIN movies_moviechange AS change USING (movie_id, version)) AS before
"""
CHANGE_BACK = f"""
UPDATE movies_movie SET title = before.title, profile = before.profile, hidden = before.hidden
FROM {BEFORE} WHERE movies_movie.id = before.movie_id
"""  # noqa: S608 - constants only
ADD_AGAIN = f"""
INSERT INTO movies_movie (id, title, profile, hidden)
SELECT movie_id, title, profile, hidden FROM {BEFORE} ORDER BY movie_id
"""  # noqa: S608 - constants only


def revert_batch(
    *,
    batch: uuid.UUID,
    actor: str,
    found: Progress = lambda total: None,
    progress: Progress = lambda done: None,
) -> Reverted:
    """Restores the movies that were not changed since the batch, as one new batch. Raises CannotRevert.

    Calls `found` with the number of movies in the batch, and `progress` with the number processed so far.
    """
    result = Reverted(uuid.uuid4())
    done = 0
    entry = history_entries.of_batch(batch)
    if entry is None:
        raise NotOnRecord(f"There is no batch {batch} on record.")
    act = Act("reverted", history_entries.in_words(entry), reverts=batch)
    with change(actor=actor, batch=result.batch, act=act), connection.chunked_cursor() as movies:
        if by := history_entries.reverting(batch):
            raise AlreadyReverted(by)
        movies.execute(MOVIES_OF_BATCH, [batch])
        while rows := movies.fetchmany(BATCH_SIZE):
            if not done:
                found(rows[0][3])
            _revert([row[:3] for row in rows], actor, result)
            done += len(rows)
            progress(done)
    return result


def revert_movie(*, actor: str, movie_id: int, first: int, last: int) -> MovieChange | None:
    """Restores the state that the movie had before its versions `first` to `last`; `last` is its current one.

    Returns the new change, or None if the movie is in that state already. Raises NotOnRecord, ChangedSince.
    """
    changes = MovieChange.objects.filter(movie_id=movie_id)
    about = f"reverted version {last}" if first == last else f"restored version {first - 1}"
    with change(actor=actor, act=Act("reverted", about, reverts_from=first)):
        if not changes.filter(version=first).exists() or not first <= last:
            raise NotOnRecord(f"Version {first} of movie {movie_id} is not on record.")
        result = Reverted(uuid.uuid4())
        _revert([(movie_id, first, last)], actor, result)
        if result.changed_since:
            raise ChangedSince(movie_id, changes.latest("version"))
        return changes.filter(version=last + 1).first()


def _revert(versions: list[tuple[int, int, int]], actor: str, result: Reverted) -> None:
    added: list[int] = []
    changed: list[tuple[int, int]] = []
    deleted: list[tuple[int, int]] = []
    with connection.cursor() as cursor:
        cursor.execute(STATES, [list(column) for column in zip(*versions, strict=True)])
        for movie_id, version, present, was_added, untouched in cursor.fetchall():
            if not untouched:
                result.changed_since.append(movie_id)
            elif present and was_added:
                added.append(movie_id)
            elif present:
                changed.append((movie_id, version))
            elif not was_added:
                deleted.append((movie_id, version))
        if added:
            result.movies += delete_movies(actor=actor, movie_ids=added)
        for statement, movies in ((CHANGE_BACK, changed), (ADD_AGAIN, deleted)):
            if movies:
                cursor.execute(statement, [list(column) for column in zip(*movies, strict=True)])
                result.movies += cursor.rowcount
