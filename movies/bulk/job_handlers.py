"""What bulk jobs do: check a file, apply it, write one, change many movies, undo that."""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import Error, connection

from movies.bulk import exports, file_format, imports
from movies.inventory.reverting import revert_batch
from movies.inventory.services import change, delete_movies, hide_movies, show_movies
from movies.models import Job, JobChunk
from movies.search import selections
from movies.search.selections import Selection

logger = logging.getLogger(__name__)

CHUNK_BYTES = 1024 * 1024
MOVIES_A_STATEMENT = 10_000
REPORT_EVERY_SECONDS = 0.5
NAMED = 200  # movies named that a revert left alone

BULK: dict[str, Callable[..., int]] = {"hide": hide_movies, "show": show_movies, "delete": delete_movies}


class Reporter:
    """Writes how far a job is, on a connection of its own: the job's transaction shows nothing meanwhile.

    A report that fails is left out: the work goes on.
    """

    def __init__(self, job: Job, progress: imports.Progress) -> None:
        self._job_id, self._progress = job.pk, progress
        self.done, self.total = 0, job.total
        self._last, self._connection = time.monotonic(), connection.copy()

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def __call__(self, done: int) -> None:
        """So much of the total is done."""
        self.done = done
        self._progress(done)
        if time.monotonic() - self._last >= REPORT_EVERY_SECONDS:
            self._write()

    def of(self, total: int) -> None:
        """This is the exact size of the work."""
        self.total = total
        self._write()

    def _write(self) -> None:
        self._last = time.monotonic()
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE movies_job SET done = %s, total = %s, updated = now() WHERE id = %s",
                    [self.done, self.total, self._job_id],
                )
        except Error as error:
            logger.warning("job %s: its progress could not be written: %s", self._job_id, error)


def check(job: Job, report: Reporter) -> tuple[str, dict[str, Any]]:
    """The rows of the file are staged; returns the job's next state and what the import would come to.

    Raises BadFile.
    """

    def chunks() -> Iterator[bytes]:
        done = 0
        for number in range(JobChunk.objects.filter(job=job).count()):
            data = bytes(JobChunk.objects.get(job=job, number=number).data)
            yield data
            done += len(data)
            report(done)

    checked = imports.stage(job_id=job.id, rows=file_format.rows(chunks(), job.request["format"]))
    result = checked.as_json()
    if not checked.rows:
        result["error"] = "There is no row in this file."
    JobChunk.objects.filter(job=job).delete()
    if checked.rows and not checked.bad:
        return Job.State.READY, result
    imports.unstage(job.id)
    return Job.State.FAILED, result


def apply(job: Job, report: Reporter) -> dict[str, Any]:
    """The job's work is done in the caller's transaction; returns what it came to.

    Raises NoSuchBatch or services.InventoryBusy.
    """
    if job.kind == Job.Kind.IMPORT:
        return imports.apply(job_id=job.id, actor=job.actor, progress=report).as_json()
    if job.kind == Job.Kind.EXPORT:
        return _export(job, report)
    if job.kind == Job.Kind.REVERT:
        return _revert(job, report)
    return _bulk(job, report)


def resized(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of CHUNK_BYTES, the last one shorter."""
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting[:CHUNK_BYTES])
            del waiting[:CHUNK_BYTES]
    if waiting:
        yield bytes(waiting)


def _export(job: Job, report: Reporter) -> dict[str, Any]:
    selected = job.request.get("selection")  # jobs of an older release have none: all movies
    movies = selections.movies(Selection(**selected) if selected else Selection())
    report.of(movies.count())
    pieces = exports.compressed(exports.export_chunks(job.request["format"], report, movies=movies))
    size = 0
    for number, data in enumerate(resized(pieces)):
        JobChunk.objects.create(job=job, number=number, data=data)
        size += len(data)
    report.of(report.done)
    return {"movies": report.done, "bytes": size}


def _revert(job: Job, report: Reporter) -> dict[str, Any]:
    reverted = revert_batch(
        batch=uuid.UUID(job.request["batch"]), actor=job.actor, found=report.of, progress=report
    )
    return {
        "movies": reverted.movies,
        "batch": str(reverted.batch),
        "changed_since": len(reverted.changed_since),
        "named": reverted.changed_since[:NAMED],
    }


def _bulk(job: Job, report: Reporter) -> dict[str, Any]:
    movies = 0
    with change(actor=job.actor, batch=job.id):
        ids = _chosen(job)
        report.of(len(ids))
        for start in range(0, len(ids), MOVIES_A_STATEMENT):
            some = ids[start : start + MOVIES_A_STATEMENT]
            movies += BULK[job.kind](actor=job.actor, movie_ids=some)
            report(start + len(some))
    return {"movies": movies, "of": len(ids)}


def _chosen(job: Job) -> list[int]:
    if "ids" in job.request:
        return job.request["ids"]
    movies = selections.movies(Selection(**job.request["selection"]))
    return list(movies.order_by("id").values_list("id", flat=True))
