"""The kinds of bulk jobs in one table: how each counts its movies, does its work and is described to people."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from movies.bulk import exports, file_format, imports
from movies.bulk.bad_rows import BadRows
from movies.bulk.progress import Reporter
from movies.inventory import history_entries
from movies.inventory.history_entries import Act
from movies.inventory.reverting import revert_batch
from movies.inventory.services import change, delete_movies, hide_movies, show_movies
from movies.models import Job, JobChunk
from movies.search import selections
from movies.search.selections import Selection

CHUNK_BYTES = 1024 * 1024
MOVIES_PER_STATEMENT = 10_000
FORMAT_NAMES = {"csv": "CSV", "jsonl": "JSON lines"}
STATES = {Job.State.CHECKING: "Checking the file", Job.State.DROPPED: "Discarded"}
MAX_SKIPPED_NAMED = 200  # movies that a revert skipped and its result names

Request = dict[str, Any]  # what was asked for, as the job stores it
Result = dict[str, Any]  # what came of it: counts, and what is wrong


@dataclass(frozen=True, slots=True)
class JobHandler:
    """What one kind of job needs."""

    apply: Callable[[Job, Reporter], Result]  # works in the caller's transaction
    describe: Callable[[Request], str]  # `Hide movies with Western`
    doing: str  # the state of a job that is being applied: `Hiding movies`
    outcome: str  # a sentence about the result, with its numbers as fields
    # exactly; decides whether the web process does the job itself; 0 for what only a check can count
    count_movies: Callable[[Request], int] = lambda request: 0
    check: Callable[[Job, Reporter], tuple[str, Result]] | None = None  # before a person confirms the job
    changes_inventory: bool = True
    action_done: str = ""  # what an admin action has done to its movies

    @property
    def first_state(self) -> str:
        return Job.State.CHECKING if self.check else Job.State.APPLYING


def describe(job: Job) -> str:
    """What the job was asked to do: `Hide movies with Western`."""
    return HANDLERS[job.kind].describe(job.request)


def state_in_words(job: Job) -> str:
    """`Writing the file` for an export under way, `Done`, ..."""
    if job.state == Job.State.APPLYING:
        return HANDLERS[job.kind].doing
    return STATES.get(Job.State(job.state)) or str(job.get_state_display())


def describe_skipped(result: Result) -> str:
    """Which movies a revert skipped; empty if none."""
    if not result.get("changed_since"):
        return ""
    named = ", ".join(map(str, result["named"]))
    return f"{result['changed_since']:,} skipped, because they were changed since: movie {named}."


def resized(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks of CHUNK_BYTES, the last one shorter."""
    buffered = bytearray()
    for chunk in chunks:
        buffered += chunk
        while len(buffered) >= CHUNK_BYTES:
            yield bytes(buffered[:CHUNK_BYTES])
            del buffered[:CHUNK_BYTES]
    if buffered:
        yield bytes(buffered)


def in_batches(service: Callable[..., int]) -> Callable[[Job, Reporter], Result]:
    """The work of a job that passes its movies to a service of the inventory, MOVIES_PER_STATEMENT at a time."""

    def apply(job: Job, report: Reporter) -> Result:
        changed = 0
        with change(actor=job.actor, batch=job.id, act=Act(about=_movies_in_words(job.request))):
            ids = _chosen_ids(job.request)
            report.set_total(len(ids))
            for start in range(0, len(ids), MOVIES_PER_STATEMENT):
                batch = ids[start : start + MOVIES_PER_STATEMENT]
                changed += service(actor=job.actor, movie_ids=batch)
                report(start + len(batch))
        return {"movies": changed, "of": len(ids)}

    return apply


def _check_import(job: Job, report: Reporter) -> tuple[str, Result]:
    """Stages the rows of the file; returns the job's next state and what the import would do. Raises BadFile."""

    def chunks() -> Iterator[bytes]:
        done = 0
        for number in range(JobChunk.objects.filter(job=job).count()):
            data = bytes(JobChunk.objects.get(job=job, number=number).data)
            yield data
            done += len(data)
            report(done)

    bad = BadRows()
    checked = imports.stage(job_id=job.id, rows=bad.noted(file_format.rows(chunks(), job.request["format"])))
    result = checked.as_json()
    if not checked.rows:
        result["error"] = "There is no row in this file."
    JobChunk.objects.filter(job=job).delete()
    if checked.rows and not checked.bad:
        return Job.State.READY, result
    imports.unstage(job.id)
    if checked.bad:
        _store(job, bad.file(checked.problems))
    return Job.State.FAILED, result


def _apply_import(job: Job, report: Reporter) -> Result:
    return imports.apply(
        job_id=job.id, actor=job.actor, file_name=job.request["file"], progress=report
    ).as_json()


def _export(job: Job, report: Reporter) -> Result:
    movies = selections.movies(_selection(job.request))
    report.set_total(movies.count())
    content = exports.compressed(exports.export_chunks(job.request["format"], report, movies=movies))
    size = _store(job, content)
    report.set_total(report.done)
    return {"movies": report.done, "bytes": size}


def _store(job: Job, file: Iterable[bytes]) -> int:
    """Stores the file of the job; returns its size in bytes."""
    size = 0
    for number, data in enumerate(resized(file)):
        JobChunk.objects.create(job=job, number=number, data=data)
        size += len(data)
    return size


def _revert(job: Job, report: Reporter) -> Result:
    reverted = revert_batch(
        batch=uuid.UUID(job.request["batch"]), actor=job.actor, found=report.set_total, progress=report
    )
    return {
        "movies": reverted.movies,
        "batch": str(reverted.batch),
        "changed_since": len(reverted.changed_since),
        "named": reverted.changed_since[:MAX_SKIPPED_NAMED],
    }


def _selection(request: Request) -> Selection:
    return Selection.from_json(
        request.get("selection") or {}
    )  # jobs of an older release have none: all movies


def _chosen_ids(request: Request) -> list[int]:
    if "ids" in request:
        return request["ids"]
    return list(selections.movies(_selection(request)).order_by("id").values_list("id", flat=True))


def _count_chosen(request: Request) -> int:
    return len(request["ids"]) if "ids" in request else selections.count(_selection(request))


def _count_batch(request: Request) -> int:
    entry = history_entries.of_batch(uuid.UUID(request["batch"]))
    return entry.movies if entry else 0


def _describe_chosen(request: Request) -> str:
    if "ids" not in request:
        return str(_selection(request))
    return f"{len(request['ids']):,} chosen {'movie' if len(request['ids']) == 1 else 'movies'}"


def _describe_revert(request: Request) -> str:
    return f"Revert {request.get('about') or 'batch ' + request['batch']}"


def _movies_in_words(request: Request) -> str:
    """`movies with Western`, for the history; empty for movies that were chosen one by one."""
    return "" if "ids" in request else str(_selection(request)).removeprefix("all ")


def _admin_action(service: Callable[..., int], verb: str, doing: str, action_done: str) -> JobHandler:
    return JobHandler(
        apply=in_batches(service),
        count_movies=_count_chosen,
        describe=lambda request: f"{verb} {_describe_chosen(request)}",
        doing=doing,
        outcome="{movies} of {of} movies changed.",
        action_done=action_done,
    )


HANDLERS: dict[str, JobHandler] = {
    Job.Kind.IMPORT: JobHandler(
        check=_check_import,
        apply=_apply_import,
        describe=lambda request: f"Import {request['file']}",
        doing="Applying the import",
        outcome="{new} new, {changed} changed, {unchanged} unchanged.",
    ),
    Job.Kind.EXPORT: JobHandler(
        apply=_export,
        count_movies=_count_chosen,
        describe=lambda request: f"Export {_selection(request)} as {FORMAT_NAMES[request['format']]}",
        doing="Writing the file",
        outcome="{movies} movies, {bytes} compressed; kept for a day.",
        changes_inventory=False,
    ),
    Job.Kind.HIDE: _admin_action(hide_movies, "Hide", "Hiding movies", "hidden"),
    Job.Kind.SHOW: _admin_action(show_movies, "Show", "Showing movies", "shown again"),
    Job.Kind.DELETE: _admin_action(delete_movies, "Delete", "Deleting movies", "deleted"),
    Job.Kind.REVERT: JobHandler(
        apply=_revert,
        count_movies=_count_batch,
        describe=_describe_revert,
        doing="Reverting changes",
        outcome="{movies} movies are as they were before.",
    ),
}
