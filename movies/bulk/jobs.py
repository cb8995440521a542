"""Bulk work on the inventory: asked for by a person, done in the worker, all of it or nothing.

A job is one transaction: what a killed worker began is rolled back by the database, and `run_waiting` finds the job
again. Two workers never run one job: each holds an advisory lock, of that transaction, while it does. A job that
fails is tried again a few times, later each time, and holds up no other.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.db import Error, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from movies.bulk import file_format, imports, job_handlers
from movies.bulk.text_file import MAX_BYTES, decompresses_within
from movies.foundation import advisory_locks
from movies.foundation.database_errors import is_unavailable
from movies.foundation.events import job_queued
from movies.inventory.reverting import NoSuchBatch
from movies.inventory.services import InventoryBusy, refuse_other_changes
from movies.models import Job, JobChunk, MovieChange
from movies.search import selections
from movies.search.selections import Selection

logger = logging.getLogger(__name__)

AT_ONCE_MOVIES = 2_000  # fewer are done while the person waits: a second
AT_ONCE_BYTES = 256 * 1024  # a smaller file is checked while the person waits
READY_KEPT = timedelta(days=1)  # an import that nobody confirms, the file of an export
KEPT = timedelta(days=30)
PAUSES = (0, 30, 120, 600)  # seconds from the beginning of a try that failed to the next one
MOST_TRIES = len(PAUSES) + 1

UNDER_WAY = (Job.State.CHECKING, Job.State.APPLYING)

# The count is committed before the work begins, so that a try that kills its worker counts as well. The lock is
# given back at once; while the work lasts it is held by the work's own transaction.
BEGIN_TRY = """
UPDATE movies_job SET tries = tries + 1, done = 0, updated = clock_timestamp(),
    next_try = clock_timestamp() + make_interval(secs => (%(pauses)s::int[])[least(tries + 1, %(most)s - 1)])
WHERE id = %(id)s AND state = ANY (%(under_way)s) AND next_try <= clock_timestamp()
    AND pg_try_advisory_xact_lock(%(lock)s)
RETURNING tries
"""
NOT_COUNTED = """
UPDATE movies_job SET tries = greatest(tries - 1, 0),
    next_try = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND state = ANY (%(under_way)s)
"""
# Of this process: how often in a row a job's try ended because the database became unavailable, which is not the
# job's fault; and the jobs whose last such try is still counted, as nothing could be written then.
_cut_off: Counter[uuid.UUID] = Counter()
_owed: set[uuid.UUID] = set()


class NotReady(ValueError):
    """The job is not in the state that this needs; somebody may have been faster."""


def start_bulk(*, kind: str, actor: str, which: Selection | Collection[int]) -> Job:
    """Hides, shows or deletes every movie of a selection, or those of some ids.

    No ids at all are a caller's mistake, never all movies: raises ValueError.
    """
    if isinstance(which, Selection):
        return _start(kind, actor, {"selection": which.as_json()}, size=selections.count(which))
    if not which:
        raise ValueError("No movies were chosen.")
    ids = list(dict.fromkeys(which))
    return _start(kind, actor, {"ids": ids}, size=len(ids))


def start_revert(*, batch: uuid.UUID, actor: str) -> Job:
    """Undoes a batch; what was changed since stays."""
    size = MovieChange.objects.filter(batch=batch).values("movie_id").distinct().count()
    return _start("revert", actor, {"batch": str(batch)}, size=size)


def start_import(*, actor: str, file_name: str, chunks: Iterable[bytes]) -> Job:
    """Checks the file; nothing of it is applied until `confirm`. Raises BadFile for a name or a size."""
    form = file_format.format_of(file_name)
    with transaction.atomic():
        job = Job.objects.create(
            kind="import",
            state=Job.State.CHECKING,
            actor=actor,
            request={"file": file_name[-200:], "format": form},
        )
        for number, data in enumerate(job_handlers.resized(chunks)):
            job.total += len(data)
            if job.total > MAX_BYTES:
                raise file_format.BadFile(
                    f"The file is larger than {MAX_BYTES // 1024 // 1024} MB: split it."
                )
            JobChunk.objects.create(job=job, number=number, data=data)
        job.save(update_fields=["total"])
    small = job.total <= AT_ONCE_BYTES and decompresses_within(_stored(job), AT_ONCE_BYTES)
    return _begun(job, at_once=small)


def start_export(*, actor: str, form: str, selection: Selection | None = None) -> Job:
    """Writes the movies of the selection (all, if none is given) into a file; `exported` has it when done."""
    selection = selection or Selection()
    request = {"format": form, "selection": selection.as_json()}
    return _start("export", actor, request, size=selections.count(selection))


def exported(job: Job) -> bytes:
    """The file that an export made, compressed by gzip; empty when it is not kept any more."""
    return b"".join(_stored(job)) if job.kind == "export" else b""


def confirm(*, job_id: uuid.UUID, actor: str) -> Job:
    """The import that was checked is applied. Raises NotReady."""
    with transaction.atomic():
        job = _moved(job_id, Job.State.READY, Job.State.APPLYING, actor=actor, tries=0, next_try=Now())
        job.total, job.done = job.result["rows"], 0
        job.save(update_fields=["total", "done"])
    return _begun(job, at_once=job.total <= AT_ONCE_MOVIES)


def drop(*, job_id: uuid.UUID) -> None:
    """The import that was checked is forgotten. Raises NotReady."""
    with transaction.atomic():
        _moved(job_id, Job.State.READY, Job.State.DROPPED)
        imports.unstage(job_id)


def run(job_id: uuid.UUID, *, progress: imports.Progress = lambda done: None, patient: bool = True) -> None:
    """The job is as far as it goes without a person; or it is left to a later call.

    It is left while another process is at it, during the pause after a try that failed, and while somebody else
    changes the inventory. `patient`: waits for short changes to end and has others refused meanwhile; a web process,
    which must not wait, is not. `progress`: told how much of `total` is done. Raises the database's error when it
    becomes unavailable; that try does not count.
    """
    tries = _begin_try(job_id)
    if tries is None:
        return
    if tries > MOST_TRIES:
        _fail(job_id, f"The worker ended {MOST_TRIES} times while it was at this job. Nothing was changed.")
        return
    try:
        with transaction.atomic():
            _work(job_id, progress, patient)
    except (InventoryBusy, advisory_locks.LockHeld):
        _not_counted(job_id)
    except (file_format.BadFile, NoSuchBatch) as error:
        _fail(job_id, str(error))
    except Error as error:
        if is_unavailable(error):
            _cut_off[job_id] += 1
            _owed.add(job_id)
            raise
        logger.exception("try %d of job %s failed", tries, job_id)
        _try_failed(job_id, tries, str(error).partition("\n")[0].strip())
    except Exception:  # whatever it is, it would be the same the next time
        logger.exception("job %s failed", job_id)
        _fail(job_id, "Something went wrong here; it is on record. Nothing was changed.")
    _cut_off.pop(job_id, None)


def run_waiting() -> int:
    """Each job that is due was run once, the oldest first, those put down meanwhile included; returns how many."""
    while _owed:
        job_id = next(iter(_owed))
        _not_counted(job_id, seconds=PAUSES[min(_cut_off[job_id], len(PAUSES) - 1)])
        _owed.discard(job_id)
    looked_at: set[uuid.UUID] = set()
    while due := _next_due(looked_at):
        looked_at.add(due)
        run(due)
    return len(looked_at)


def clean_up() -> int:
    """Imports that nobody confirmed are dropped, old jobs are gone; returns how many."""
    now = timezone.now()
    forgotten = Job.objects.filter(state=Job.State.READY, updated__lt=now - READY_KEPT)
    for job_id in forgotten.values_list("id", flat=True):
        drop(job_id=job_id)
    JobChunk.objects.filter(job__kind="export", job__updated__lt=now - READY_KEPT).delete()
    return Job.objects.filter(created__lt=now - KEPT).exclude(state__in=UNDER_WAY).delete()[0]


def _start(kind: str, actor: str, request: dict[str, Any], *, size: int) -> Job:
    """`size`: exactly how many movies it is about, which decides whether it is done at once."""
    job = Job.objects.create(kind=kind, state=Job.State.APPLYING, actor=actor, request=request, total=size)
    return _begun(job, at_once=size <= AT_ONCE_MOVIES)


def _begun(job: Job, *, at_once: bool) -> Job:
    """What could not be done at once, as the inventory was busy, is left to the worker."""
    if at_once:
        run(job.id, patient=False)
        job.refresh_from_db()
    if job.state in UNDER_WAY:
        transaction.on_commit(lambda: job_queued.send(sender="movies"), robust=True)
    return job


def _moved(job_id: uuid.UUID, old: str, new: str, **more: Any) -> Job:
    """The job, in its new state. The row count of the UPDATE is the lock."""
    if not Job.objects.filter(id=job_id, state=old).update(state=new, updated=Now(), **more):
        raise NotReady("This job is not waiting for that any more.")
    return Job.objects.get(id=job_id)


def _next_due(looked_at: set[uuid.UUID]) -> uuid.UUID | None:
    due = Job.objects.filter(state__in=UNDER_WAY, next_try__lte=Now()).exclude(id__in=looked_at)
    return due.order_by("created").values_list("id", flat=True).first()


def _stored(job: Job) -> Iterator[bytes]:
    """The file of the job, as it came or was made."""
    chunks = JobChunk.objects.filter(job=job).order_by("number").values_list("data", flat=True)
    return (bytes(data) for data in chunks)


def _begin_try(job_id: uuid.UUID) -> int | None:
    """The number of this try; None when the job is not due, or another process is at it."""
    with connection.cursor() as cursor:
        cursor.execute(
            BEGIN_TRY,
            {
                "id": job_id,
                "lock": _lock_of(job_id),
                "under_way": list(UNDER_WAY),
                "pauses": list(PAUSES),
                "most": MOST_TRIES,
            },
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _not_counted(job_id: uuid.UUID, *, seconds: float = 0) -> None:
    """The last try was not the job's; the next one begins in so many seconds."""
    with connection.cursor() as cursor:
        cursor.execute(NOT_COUNTED, {"id": job_id, "seconds": seconds, "under_way": list(UNDER_WAY)})


def _work(job_id: uuid.UUID, progress: imports.Progress, patient: bool) -> None:
    """In one transaction: the job's work, and that it is done. Raises LockHeld when another one is at it."""
    if not advisory_locks.try_acquire(_lock_of(job_id)):
        raise advisory_locks.LockHeld
    advisory_locks.end_when_idle()
    job = Job.objects.filter(id=job_id, state__in=UNDER_WAY).first()
    if job is None:
        return
    with job_handlers.Reporter(job, progress) as report:
        if job.state == Job.State.CHECKING:
            state, result = job_handlers.check(job, report)
        else:
            if patient and job.kind != Job.Kind.EXPORT:
                refuse_other_changes()
            state, result = Job.State.DONE, job_handlers.apply(job, report)
        _moved(job.id, job.state, state, result=result, done=report.done, total=report.total)


def _lock_of(job_id: uuid.UUID) -> int:
    return advisory_locks.key_of("job", job_id)


def _try_failed(job_id: uuid.UUID, tries: int, reason: str) -> None:
    if tries >= MOST_TRIES:
        _fail(job_id, f"Given up after {tries} tries: {reason}. Nothing was changed.")
        return
    job = Job.objects.get(id=job_id)
    job.result["error"] = (
        f"Try {tries} of {MOST_TRIES} failed: {reason}. The next one begins at {job.next_try:%H:%M:%S} UTC."
    )
    Job.objects.filter(id=job_id, state=job.state).update(result=job.result, updated=Now())


def _fail(job_id: uuid.UUID, reason: str) -> None:
    with transaction.atomic():
        failed = Job.objects.filter(id=job_id, state__in=UNDER_WAY)
        if failed.update(state=Job.State.FAILED, result={"error": reason}, updated=Now()):
            imports.unstage(job_id)
            JobChunk.objects.filter(job=job_id).delete()
