"""Imports: stages and checks the rows of a file, then applies them to the inventory in one transaction."""

import itertools
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from django.db import connection

from movies.bulk.file_format import Row
from movies.bulk.progress import Progress
from movies.inventory.history_entries import Act
from movies.inventory.services import change
from movies.models import ImportRow

BATCH_ROWS = 10_000  # staged or applied by one statement, so that progress moves and memory stays bounded
MAX_PROBLEMS = 200  # problems that are listed; all bad rows are counted
PREVIEW_ROWS = 50  # on a page
KINDS = ("new", "changed", "unchanged")  # of staged rows


@dataclass(slots=True)
class Checked:
    """What an import would do; `problems`: (line, column, sentence)."""

    rows: int = 0
    bad: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    problems: list[tuple[int, str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Applied:
    """What an import did."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def stage(*, job_id: uuid.UUID, rows: Iterable[Row], progress: Progress = lambda done: None) -> Checked:
    """Stages the good rows, replacing what was staged for this job, and compares them with the inventory.

    Raises BadFile as `rows` does.
    """
    unstage(job_id)
    result = Checked()
    remaining = iter(rows)
    while batch := list(itertools.islice(remaining, BATCH_ROWS)):
        good = [row for row in batch if not row.errors]
        _count(result, batch)
        kinds = _kinds(good)
        result.new += kinds.count("new")
        result.changed += kinds.count("changed")
        result.unchanged += kinds.count("unchanged")
        _insert(job_id, good, kinds)
        progress(result.rows)
    _find_repeated(job_id, result)
    return result


def unstage(job_id: uuid.UUID) -> None:
    """Deletes what is staged for this job."""
    ImportRow.objects.filter(job_id=job_id).delete()


def apply(
    *, job_id: uuid.UUID, actor: str, file_name: str = "", progress: Progress = lambda done: None
) -> Applied:
    """Applies what is staged to the inventory, in one transaction and as one batch of changes.

    Rows that equal the inventory change nothing.
    """
    result = Applied()
    # Rows with ids come first, so that the database gives the others ids that no row has.
    act = Act("imported", file_name)
    with change(actor=actor, batch=job_id, act=act), connection.cursor() as cursor:
        for span in _spans(cursor, job_id, with_id=True):
            cursor.execute(UPDATE, span)
            changed = cursor.rowcount
            cursor.execute(INSERT, span)
            result.changed += changed
            result.new += cursor.rowcount
            result.unchanged += span["rows"] - changed - cursor.rowcount
            progress(result.new + result.changed + result.unchanged)
        for span in _spans(cursor, job_id, with_id=False):
            cursor.execute(INSERT_NEW, span)
            result.new += cursor.rowcount
            progress(result.new + result.changed + result.unchanged)
        cursor.execute("DELETE FROM movies_importrow WHERE job_id = %s", [job_id])
    return result


def preview(job_id: uuid.UUID, *, kind: str = "", after: int = 0) -> list[dict[str, Any]]:
    """Up to PREVIEW_ROWS staged rows of this kind (default: all) after a line.

    Each has the movie that the inventory has under its id (nulls: none).
    """
    with connection.cursor() as cursor:
        kinds = "AND r.kind = %(kind)s" if kind else ""
        given: dict[str, Any] = {"job": job_id, "kind": kind, "after": after, "limit": PREVIEW_ROWS}
        cursor.execute(PREVIEW.format(kinds=kinds), given)
        names = ("line", "id", "title", "profile", "hidden", "old_title", "old_profile", "old_hidden")
        return [dict(zip(names, row, strict=True)) for row in cursor]


def _count(result: Checked, batch: Iterable[Row]) -> None:
    for row in batch:
        result.rows += 1
        if not row.errors:
            continue
        result.bad += 1
        for column, error in row.errors.items():
            if len(result.problems) < MAX_PROBLEMS:
                result.problems.append((row.line, column, error))


def _kinds(rows: Sequence[Row]) -> list[str]:
    """What each row does to the inventory: one of KINDS."""
    with connection.cursor() as cursor:
        cursor.execute(STORED, [[row.movie_id for row in rows if row.movie_id is not None]])
        stored = {movie_id: state for movie_id, *state in cursor.fetchall()}

    def kind(row: Row) -> str:
        old = None if row.movie_id is None else stored.get(row.movie_id)
        if old is None:
            return "new"
        hidden = old[2] if row.hidden is None else row.hidden
        return "unchanged" if old == [row.title, ",".join(map(str, row.profile)), hidden] else "changed"

    return [kind(row) for row in rows]


def _insert(job_id: uuid.UUID, rows: Sequence[Row], kinds: Sequence[str]) -> None:
    """Stages the rows. Not by COPY, which psycopg2 refuses in a web process (tetraflix/web/database_waits.py)."""
    staged = [
        {
            "line": row.line,
            "movie_id": row.movie_id,
            "title": row.title,
            "profile": row.profile,
            "hidden": row.hidden,
            "kind": kind,
        }
        for row, kind in zip(rows, kinds, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(STAGE, [job_id, orjson.dumps(staged).decode()])


def _find_repeated(job_id: uuid.UUID, result: Checked) -> None:
    """An id may appear once, because nothing says which of two rows counts."""
    with connection.cursor() as cursor:
        cursor.execute(REPEATED, [job_id])
        for movie_id, lines in cursor:
            result.bad += len(lines) - 1
            for line in lines[1:]:
                if len(result.problems) < MAX_PROBLEMS:
                    first = f"Movie {movie_id} is in line {lines[0]} already."
                    result.problems.append((line, "id", first))
    result.problems.sort()


def _spans(cursor: Any, job_id: uuid.UUID, *, with_id: bool) -> Iterator[dict[str, Any]]:
    """Spans of lines, each with BATCH_ROWS rows."""
    last = -1
    while True:
        cursor.execute(SPAN.format(null="NOT NULL" if with_id else "NULL"), [job_id, last, BATCH_ROWS])
        upto, rows = cursor.fetchone()
        if not rows:
            return
        yield {"job": job_id, "after": last, "upto": upto, "rows": rows}
        last = upto


STAGE = """
INSERT INTO movies_importrow (job_id, line, movie_id, title, profile, hidden, kind)
SELECT %s, line, movie_id, title, profile, hidden, kind
FROM jsonb_to_recordset(%s) AS row
    (line int, movie_id bigint, title text, profile smallint[], hidden boolean, kind text)
"""
STORED = """
SELECT id, title, array_to_string(profile, ','), hidden FROM movies_movie WHERE id = ANY (%s::bigint[])
"""
REPEATED = """
SELECT movie_id, array_agg(line ORDER BY line) FROM movies_importrow
WHERE job_id = %s AND movie_id IS NOT NULL GROUP BY movie_id HAVING count(*) > 1 ORDER BY min(line)
"""
PREVIEW = """
SELECT r.line, r.movie_id, r.title, r.profile, r.hidden, m.title, m.profile, m.hidden
FROM movies_importrow r LEFT JOIN movies_movie m ON m.id = r.movie_id
WHERE r.job_id = %(job)s AND r.line > %(after)s {kinds} ORDER BY r.line LIMIT %(limit)s
"""
SPAN = """
SELECT max(line), count(*) FROM (
    SELECT line FROM movies_importrow WHERE job_id = %s AND line > %s AND movie_id IS {null}
    ORDER BY line LIMIT %s) AS span
"""
UPDATE = """
UPDATE movies_movie AS m SET title = r.title, profile = r.profile, hidden = coalesce(r.hidden, m.hidden)
FROM movies_importrow r
WHERE r.job_id = %(job)s AND r.line > %(after)s AND r.line <= %(upto)s AND m.id = r.movie_id
    AND (m.title, m.profile, m.hidden) IS DISTINCT FROM (r.title, r.profile, coalesce(r.hidden, m.hidden))
"""
INSERT = """
INSERT INTO movies_movie (id, title, profile, hidden)
SELECT r.movie_id, r.title, r.profile, coalesce(r.hidden, false) FROM movies_importrow r
WHERE r.job_id = %(job)s AND r.line > %(after)s AND r.line <= %(upto)s AND r.movie_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM movies_movie m WHERE m.id = r.movie_id)
ORDER BY r.line
"""
INSERT_NEW = """
INSERT INTO movies_movie (title, profile, hidden)
SELECT r.title, r.profile, coalesce(r.hidden, false) FROM movies_importrow r
WHERE r.job_id = %(job)s AND r.line > %(after)s AND r.line <= %(upto)s AND r.movie_id IS NULL
ORDER BY r.line
"""
