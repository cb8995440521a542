"""Bulk jobs on the inventory: a person starts one, a worker runs it, and it is applied as a whole or not at all.

A job is one transaction: the database rolls back what a killed worker began, and `run_waiting` finds the job again.
Two workers never run the same job, because each takes an advisory lock for the transaction. A job that fails is
retried a few times with growing pauses, and delays no other job.
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

from movies.bulk import file_format, imports
from movies.bulk.job_handlers import HANDLERS, resized
from movies.bulk.progress import Progress, Reporter
from movies.bulk.text_file import MAX_BYTES, decompresses_within
from movies.foundation import advisory_locks
from movies.foundation.database_errors import is_unavailable
from movies.foundation.events import job_queued
from movies.inventory import history_entries
from movies.inventory.reverting import CannotRevert
from movies.inventory.services import InventoryBusy, refuse_other_changes
from movies.models import Job, JobChunk
from movies.search.selections import Selection

logger = logging.getLogger(__name__)

MAX_INLINE_MOVIES = 2_000  # the web process does a smaller job itself, in about a second
MAX_INLINE_BYTES = 256 * 1024  # the web process checks a smaller file itself
READY_KEPT = timedelta(days=1)  # for an unconfirmed import, and for the file of an export
KEPT = timedelta(days=30)
PAUSES = (0, 30, 120, 600)  # seconds from the start of a failed try to the next one
MAX_TRIES = len(PAUSES) + 1

UNDER_WAY = (Job.State.CHECKING, Job.State.APPLYING)

# The count is committed before the work begins, so that a try that kills its worker counts as well. This statement
# releases the lock at once; the transaction of the work takes it again.
BEGIN_TRY = """
UPDATE movies_job SET tries = tries + 1, done = 0, updated = clock_timestamp(),
    next_try = clock_timestamp() + make_interval(secs => (%(pauses)s::int[])[least(tries + 1, %(most)s - 1)])
WHERE id = %(id)s AND state = ANY (%(under_way)s) AND next_try <= clock_timestamp()
    AND pg_try_advisory_xact_lock(%(lock)s)
RETURNING tries
"""
UNCOUNT_TRY = """
UPDATE movies_job SET tries = greatest(tries - 1, 0),
    next_try = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND state = ANY (%(under_way)s)
"""
# In this process: how often in a row a job's try ended because the database became unavailable, which is not the
# job's fault; and the jobs whose last such try is still counted, because nothing could be written then.
interrupted: Counter[uuid.UUID] = Counter()
_still_counted: set[uuid.UUID] = set()


class NotReady(ValueError):
    """The job is not in the required state, for example because another person was faster."""


def start_bulk(*, kind: str, actor: str, which: Selection | Collection[int]) -> Job:
    """Hides, shows or deletes every movie of a selection, or the movies with these ids.

    Raises ValueError for no ids at all: that is a caller's mistake and never means all movies.
    """
    if isinstance(which, Selection):
        return _start(kind, actor, {"selection": which.as_json()})
    if not which:
        raise ValueError("No movies were chosen.")
    return _start(kind, actor, {"ids": list(dict.fromkeys(which))})


def start_revert(*, batch: uuid.UUID, actor: str) -> Job:
    """Reverts a batch, except movies that were changed since."""
    entry = history_entries.of_batch(batch)
    about = history_entries.in_words(entry) if entry else ""
    return _start(Job.Kind.REVERT, actor, {"batch": str(batch), "about": about})


def start_export(*, actor: str, form: str, selection: Selection | None = None) -> Job:
    """Writes the movies of the selection (default: all) to a file, which `file_of` returns when it is done."""
    return _start(Job.Kind.EXPORT, actor, {"format": form, "selection": (selection or Selection()).as_json()})


def start_import(*, actor: str, file_name: str, chunks: Iterable[bytes]) -> Job:
    """Checks the file; `confirm` applies it. Raises BadFile for its name or its size."""
    form = file_format.format_of(file_name)
    with transaction.atomic():
        job = _create(Job.Kind.IMPORT, actor, {"file": file_name[-200:], "format": form})
        for number, data in enumerate(resized(chunks)):
            job.total += len(data)
            if job.total > MAX_BYTES:
                raise file_format.BadFile(
                    f"The file is larger than {MAX_BYTES // 1024 // 1024} MB: split it."
                )
            JobChunk.objects.create(job=job, number=number, data=data)
        job.save(update_fields=["total"])
    small = job.total <= MAX_INLINE_BYTES and decompresses_within(_stored(job), MAX_INLINE_BYTES)
    return _run_or_enqueue(job, inline=small)


def file_of(job: Job) -> bytes:
    """The file of an export, or the bad rows of a failed import, compressed with gzip; empty after it was deleted."""
    has_file = job.state == (Job.State.DONE if job.kind == Job.Kind.EXPORT else Job.State.FAILED)
    return b"".join(_stored(job)) if has_file else b""


def confirm(*, job_id: uuid.UUID, actor: str) -> Job:
    """Applies a checked import. Raises NotReady."""
    with transaction.atomic():
        job = _moved(job_id, Job.State.READY, Job.State.APPLYING, actor=actor, tries=0, next_try=Now())
        job.total, job.done = job.result["rows"], 0
        job.save(update_fields=["total", "done"])
    return _run_or_enqueue(job, inline=job.total <= MAX_INLINE_MOVIES)


def drop(*, job_id: uuid.UUID) -> None:
    """Discards a checked import. Raises NotReady."""
    with transaction.atomic():
        _moved(job_id, Job.State.READY, Job.State.DROPPED)
        imports.unstage(job_id)


def run(job_id: uuid.UUID, *, progress: Progress = lambda done: None, patient: bool = True) -> None:
    """Runs the job until it is done, failed or needs a person; or leaves it to a later call.

    It is left while another process runs it, during the pause after a failed try, and while another transaction
    changes the inventory. `patient`: waits for short changes to end and has new ones refused; a web process, which
    must not wait, is not patient. `progress` is called with how much of `total` is done. Raises the database's error
    when it becomes unavailable; that try does not count.
    """
    tries = begin_try(job_id)
    if tries is None:
        return
    if tries > MAX_TRIES:
        _fail(job_id, f"The worker died {MAX_TRIES} times while it ran this job. Nothing was changed.")
        return
    try:
        with transaction.atomic():
            _work(job_id, progress, patient)
    except (InventoryBusy, advisory_locks.LockHeld):
        _uncount_try(job_id)
    except (file_format.BadFile, CannotRevert) as error:
        _fail(job_id, str(error))
    except Error as error:
        if is_unavailable(error):
            interrupted[job_id] += 1
            _still_counted.add(job_id)
            raise
        logger.exception("try %d of job %s failed", tries, job_id)
        _try_failed(job_id, tries, str(error).partition("\n")[0].strip())
    except Exception:  # a fault in the code, which a retry would meet again
        logger.exception("job %s failed", job_id)
        _fail(job_id, "An internal error occurred and was logged. Nothing was changed.")
    interrupted.pop(job_id, None)


def run_waiting() -> int:
    """Runs each due job once, the oldest first, including those started meanwhile; returns how many."""
    while _still_counted:
        job_id = next(iter(_still_counted))
        _uncount_try(job_id, seconds=PAUSES[min(interrupted[job_id], len(PAUSES) - 1)])
        _still_counted.discard(job_id)
    seen: set[uuid.UUID] = set()
    while due := _next_due(seen):
        seen.add(due)
        run(due)
    return len(seen)


def clean_up() -> int:
    """Drops unconfirmed imports and deletes old jobs; returns how many it deleted."""
    now = timezone.now()
    unconfirmed = Job.objects.filter(state=Job.State.READY, updated__lt=now - READY_KEPT)
    for job_id in unconfirmed.values_list("id", flat=True):
        drop(job_id=job_id)
    JobChunk.objects.filter(job__updated__lt=now - READY_KEPT).exclude(job__state__in=UNDER_WAY).delete()
    return Job.objects.filter(created__lt=now - KEPT).exclude(state__in=UNDER_WAY).delete()[0]


def _create(kind: str, actor: str, request: dict[str, Any]) -> Job:
    handler = HANDLERS[kind]
    total = handler.count_movies(request)
    return Job.objects.create(kind=kind, state=handler.first_state, actor=actor, request=request, total=total)


def _start(kind: str, actor: str, request: dict[str, Any]) -> Job:
    job = _create(kind, actor, request)
    return _run_or_enqueue(job, inline=job.total <= MAX_INLINE_MOVIES)


def _run_or_enqueue(job: Job, *, inline: bool) -> Job:
    """The worker gets a large job, and a small one that could not run now because the inventory was busy."""
    if inline:
        run(job.id, patient=False)
        job.refresh_from_db()
    if job.state in UNDER_WAY:
        transaction.on_commit(lambda: job_queued.send(sender="movies"), robust=True)
    return job


def _moved(job_id: uuid.UUID, old: str, new: str, **more: Any) -> Job:
    """Moves the job to its new state. Raises NotReady; the row count of the UPDATE is the lock."""
    if not Job.objects.filter(id=job_id, state=old).update(state=new, updated=Now(), **more):
        raise NotReady("This job is not waiting for a decision.")
    return Job.objects.get(id=job_id)


def _next_due(seen: set[uuid.UUID]) -> uuid.UUID | None:
    due = Job.objects.filter(state__in=UNDER_WAY, next_try__lte=Now()).exclude(id__in=seen)
    return due.order_by("created").values_list("id", flat=True).first()


def _stored(job: Job) -> Iterator[bytes]:
    """The job's file, as it was uploaded or written."""
    chunks = JobChunk.objects.filter(job=job).order_by("number").values_list("data", flat=True)
    return (bytes(data) for data in chunks)


def begin_try(job_id: uuid.UUID) -> int | None:
    """Counts a try and returns its number; None when the job is not due or another process runs it."""
    with connection.cursor() as cursor:
        cursor.execute(
            BEGIN_TRY,
            {
                "id": job_id,
                "lock": _lock_of(job_id),
                "under_way": list(UNDER_WAY),
                "pauses": list(PAUSES),
                "most": MAX_TRIES,
            },
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _uncount_try(job_id: uuid.UUID, *, seconds: float = 0) -> None:
    """The last try does not count; the next one begins in `seconds`."""
    with connection.cursor() as cursor:
        cursor.execute(UNCOUNT_TRY, {"id": job_id, "seconds": seconds, "under_way": list(UNDER_WAY)})


def _work(job_id: uuid.UUID, progress: Progress, patient: bool) -> None:
    """Does the job's work and records it, in one transaction. Raises LockHeld if another process does."""
    if not advisory_locks.try_acquire(_lock_of(job_id)):
        raise advisory_locks.LockHeld
    advisory_locks.end_when_idle()
    job = Job.objects.filter(id=job_id, state__in=UNDER_WAY).first()
    if job is None:
        return
    handler = HANDLERS[job.kind]
    with Reporter(job, progress) as report:
        if job.state == Job.State.CHECKING and handler.check:
            state, result = handler.check(job, report)
        else:
            if patient and handler.changes_inventory:
                refuse_other_changes()
            state, result = Job.State.DONE, handler.apply(job, report)
        _moved(job.id, job.state, state, result=result, done=report.done, total=report.total)


def _lock_of(job_id: uuid.UUID) -> int:
    return advisory_locks.key_of("job", job_id)


def _try_failed(job_id: uuid.UUID, tries: int, reason: str) -> None:
    if tries >= MAX_TRIES:
        _fail(job_id, f"Given up after {tries} tries: {reason}. Nothing was changed.")
        return
    job = Job.objects.get(id=job_id)
    job.result["error"] = (
        f"Try {tries} of {MAX_TRIES} failed: {reason}. The next one begins at {job.next_try:%H:%M:%S} UTC."
    )
    Job.objects.filter(id=job_id, state=job.state).update(result=job.result, updated=Now())


def _fail(job_id: uuid.UUID, reason: str) -> None:
    with transaction.atomic():
        failed = Job.objects.filter(id=job_id, state__in=UNDER_WAY)
        if failed.update(state=Job.State.FAILED, result={"error": reason}, updated=Now()):
            imports.unstage(job_id)
            JobChunk.objects.filter(job=job_id).delete()
