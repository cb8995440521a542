"""Bulk work on the inventory: asked for by a person, done in the worker, all of it or nothing.

A job survives whoever works on it: what a killed worker began is rolled back by the database, and
`run_waiting` finds the job again. Two workers never run one job: each holds an advisory lock while it does.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from movies import browsing, exports, imports, transfer
from movies.browsing import Selection
from movies.models import Job, JobChunk
from movies.reverting import NoSuchBatch, revert_batch
from movies.services import change, delete_movies, hide_movies, show_movies
from movies.signals import job_waits
from movies.text_file import MAX_BYTES, decompresses_within

logger = logging.getLogger(__name__)

AT_ONCE_MOVIES = 2_000  # fewer are done while the person waits: a second
AT_ONCE_BYTES = 256 * 1024  # a smaller file is checked while the person waits
CHUNK_BYTES = 1024 * 1024
MOVIES_A_STATEMENT = 10_000
REPORT_EVERY_SECONDS = 0.5
NAMED = 200  # movies named that a revert left alone
READY_KEPT = timedelta(days=1)  # an import that nobody confirms, the file of an export
KEPT = timedelta(days=30)

UNDER_WAY = (Job.State.CHECKING, Job.State.APPLYING)
BULK: dict[str, Callable[..., int]] = {"hide": hide_movies, "show": show_movies, "delete": delete_movies}


class NotReady(ValueError):
    """The job is not in the state that this needs; somebody may have been faster."""


def start_bulk(
    *, kind: str, actor: str, selection: Selection | None = None, movie_ids: Iterable[int] = (), size: int
) -> Job:
    """Hides, shows or deletes the movies of the selection, or these. `size` (about): whether at once."""
    which = {"selection": selection.as_json()} if selection else {"ids": list(movie_ids)}
    return _start(Job(kind=kind, state=Job.State.APPLYING, actor=actor, request=which, total=size), size)


def start_revert(*, batch: uuid.UUID, actor: str, size: int) -> Job:
    """Undoes a batch; what was changed since stays. `size`: how many changes it has."""
    job = Job(kind="revert", state=Job.State.APPLYING, actor=actor, request={"batch": str(batch)}, total=size)
    return _start(job, size)


def start_import(*, actor: str, file_name: str, chunks: Iterable[bytes]) -> Job:
    """Checks the file; nothing of it is applied until `confirm`. Raises BadFile for a name or a size."""
    form = transfer.format_of(file_name)
    with transaction.atomic():
        job = Job.objects.create(
            kind="import",
            state=Job.State.CHECKING,
            actor=actor,
            request={"file": file_name[-200:], "format": form},
        )
        for number, data in enumerate(_resized(chunks)):
            job.total += len(data)
            if job.total > MAX_BYTES:
                raise transfer.BadFile(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB: split it.")
            JobChunk.objects.create(job=job, number=number, data=data)
        job.save(update_fields=["total"])
    small = job.total <= AT_ONCE_BYTES and decompresses_within(_stored(job), AT_ONCE_BYTES)
    return _begun(job, at_once=small)


def start_export(*, actor: str, form: str, size: int) -> Job:
    """Writes the whole inventory into a file, which `exported` has when it is done."""
    job = Job(kind="export", state=Job.State.APPLYING, actor=actor, request={"format": form}, total=size)
    return _start(job, size)


def exported(job: Job) -> bytes:
    """The file that an export made, compressed by gzip; empty when it is not kept any more."""
    return b"".join(_stored(job)) if job.kind == "export" else b""


def confirm(*, job_id: uuid.UUID, actor: str) -> Job:
    """The import that was checked is applied. Raises NotReady."""
    job = _moved(job_id, Job.State.READY, Job.State.APPLYING, actor=actor)
    job.total, job.done = job.result["rows"], 0
    job.save(update_fields=["total", "done"])
    return _begun(job, at_once=job.total <= AT_ONCE_MOVIES)


def drop(*, job_id: uuid.UUID) -> None:
    """The import that was checked is forgotten. Raises NotReady."""
    _moved(job_id, Job.State.READY, Job.State.DROPPED)
    imports.unstage(job_id)


def run(job_id: uuid.UUID, *, progress: imports.Progress = lambda done: None) -> None:
    """The job is as far as it goes without a person, unless another process is at it.

    `progress`: told how much of `total` is done. Raises OperationalError when the database goes away; the job
    is then found again later.
    """
    with _claim(job_id) as mine:
        job = Job.objects.filter(id=job_id, state__in=UNDER_WAY).first() if mine else None
        if job is None:
            return
        try:
            with _Reporter(job_id, progress) as report:
                (_check if job.state == Job.State.CHECKING else _apply)(job, report)
        except OperationalError:
            raise
        except (transfer.BadFile, NoSuchBatch) as error:
            _fail(job, str(error))
        except Exception:  # whatever it is, it would be the same the next time
            logger.exception("job %s (%s) failed", job_id, job.kind)
            _fail(job, "Something went wrong here; it is on record. Nothing was changed.")


def run_waiting() -> int:
    """Every job that nobody works on is done; returns how many were looked at."""
    waiting = list(
        Job.objects.filter(state__in=UNDER_WAY).order_by("created").values_list("id", flat=True)[:100]
    )
    for job_id in waiting:
        run(job_id)
    return len(waiting)


def clean_up() -> int:
    """Imports that nobody confirmed are dropped, old jobs are gone; returns how many."""
    now = timezone.now()
    forgotten = Job.objects.filter(state=Job.State.READY, updated__lt=now - READY_KEPT)
    for job_id in forgotten.values_list("id", flat=True):
        drop(job_id=job_id)
    JobChunk.objects.filter(job__kind="export", job__updated__lt=now - READY_KEPT).delete()
    return Job.objects.filter(created__lt=now - KEPT).exclude(state__in=UNDER_WAY).delete()[0]


def _start(job: Job, size: int) -> Job:
    job.save(force_insert=True)
    return _begun(job, at_once=size <= AT_ONCE_MOVIES)


def _begun(job: Job, *, at_once: bool) -> Job:
    if at_once:
        run(job.id)
        job.refresh_from_db()
    else:
        transaction.on_commit(lambda: job_waits.send(sender="movies"), robust=True)
    return job


def _moved(job_id: uuid.UUID, old: str, new: str, **more: Any) -> Job:
    """The job, in its new state. The row count of the UPDATE is the lock."""
    if not Job.objects.filter(id=job_id, state=old).update(state=new, updated=Now(), **more):
        raise NotReady("This job is not waiting for that any more.")
    return Job.objects.get(id=job_id)


def _stored(job: Job) -> Iterator[bytes]:
    """The file of the job, as it came or was made."""
    chunks = JobChunk.objects.filter(job=job).order_by("number").values_list("data", flat=True)
    return (bytes(data) for data in chunks)


def _check(job: Job, report: "_Reporter") -> None:
    def chunks() -> Iterator[bytes]:
        done = 0
        for number in range(JobChunk.objects.filter(job=job).count()):
            data = bytes(JobChunk.objects.get(job=job, number=number).data)
            yield data
            done += len(data)
            report(done)

    checked = imports.stage(job_id=job.id, rows=transfer.rows(chunks(), job.request["format"]))
    state = Job.State.FAILED if checked.bad or not checked.rows else Job.State.READY
    result = checked.as_json()
    if not checked.rows:
        result["error"] = "There is no row in this file."
    if state == Job.State.FAILED:
        imports.unstage(job.id)
    with transaction.atomic():
        _end(job, state, result)
        JobChunk.objects.filter(job=job).delete()


def _apply(job: Job, report: "_Reporter") -> None:
    with transaction.atomic():
        if job.kind == "import":
            result = imports.apply(job_id=job.id, actor=job.actor, progress=report).as_json()
        elif job.kind == "export":
            result = _export(job, report)
        elif job.kind == "revert":
            reverted = revert_batch(batch=uuid.UUID(job.request["batch"]), actor=job.actor)
            result = {
                "movies": reverted.movies,
                "batch": str(reverted.batch),
                "changed_since": len(reverted.changed_since),
                "named": reverted.changed_since[:NAMED],
            }
        else:
            result = _bulk(job, report)
        _end(job, Job.State.DONE, result)


def _export(job: Job, report: "_Reporter") -> dict[str, Any]:
    pieces = exports.compressed(exports.export_chunks(job.request["format"], report))
    size = 0
    for number, data in enumerate(_resized(pieces)):
        JobChunk.objects.create(job=job, number=number, data=data)
        size += len(data)
    return {"movies": report.done, "bytes": size}


def _bulk(job: Job, report: "_Reporter") -> dict[str, Any]:
    movies = looked_at = 0
    with change(actor=job.actor, batch=job.id):
        selected = job.request.get("selection")
        ids = browsing.ids(Selection(**selected)) if selected else job.request["ids"]
        for some in _portions(ids):
            movies += BULK[job.kind](actor=job.actor, movie_ids=some)
            looked_at += len(some)
            report(looked_at)
    return {"movies": movies, "of": looked_at}


def _portions(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), MOVIES_A_STATEMENT):
        yield ids[start : start + MOVIES_A_STATEMENT]


def _end(job: Job, state: str, result: dict[str, Any]) -> None:
    """In the transaction of the work, so that it is done once. Raises NotReady when it was already."""
    _moved(job.id, job.state, state, result=result)


def _fail(job: Job, reason: str) -> None:
    imports.unstage(job.id)
    JobChunk.objects.filter(job=job).delete()
    Job.objects.filter(id=job.id).update(state=Job.State.FAILED, result={"error": reason}, updated=Now())


def _resized(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting[:CHUNK_BYTES])
            del waiting[:CHUNK_BYTES]
    if waiting:
        yield bytes(waiting)


@contextmanager
def _claim(job_id: uuid.UUID) -> Iterator[bool]:
    """Whether the job is this process's until the block ends; a lost connection gives it up."""
    key = job_id.int % 2**63
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


class _Reporter:
    """Writes how far a job is, on a connection of its own: the job's transaction shows nothing meanwhile."""

    def __init__(self, job_id: uuid.UUID, progress: imports.Progress) -> None:
        self._job_id, self._progress = job_id, progress
        self.done = 0
        self._last, self._connection = time.monotonic(), connection.copy()

    def __enter__(self) -> "_Reporter":
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def __call__(self, done: int) -> None:
        self.done = done
        self._progress(done)
        if time.monotonic() - self._last < REPORT_EVERY_SECONDS:
            return
        self._last = time.monotonic()
        with self._connection.cursor() as cursor:
            cursor.execute(
                "UPDATE movies_job SET done = %s, updated = now() WHERE id = %s", [done, self._job_id]
            )
