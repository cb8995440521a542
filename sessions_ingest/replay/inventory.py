"""Adds the movies of a file to the inventory under their own ids, by the same import as every file of movies."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from movies.bulk import file_format, foreground, jobs
from movies.bulk.progress import Progress
from movies.foundation import actors
from movies.inventory.titles import normalize
from movies.models import Job, Movie
from sessions_ingest.replay.movielens import FileMovie
from sessions_ingest.replay.movielens_genres import profile

FORM = "jsonl"
CHUNK_MOVIES = 1_000
MAX_NAMED = 3  # movies that an error names


class Conflict(Exception):
    """The movies cannot be added; the message says why and what to do. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Added:
    """What adding did: `batch` can be reverted as one, "" if nothing was added."""

    added: int
    present: int  # in the inventory before, and left as they were
    batch: str


def add(movies: Sequence[FileMovie], progress: Progress = lambda done: None) -> Added:
    """Adds those that the inventory does not have, as one batch, recorded and published like any change.

    A movie that is there under the same id and title stays as it is, because staff may have changed it. Raises
    Conflict if an id belongs to another title, or a movie cannot be stored.
    """
    titles = dict(
        Movie.objects.filter(id__in=[movie.movie_id for movie in movies]).values_list("id", "title")
    )
    different = [m for m in movies if m.movie_id in titles and titles[m.movie_id] != _normalized(m.title)]
    if different:
        raise Conflict(_other_titles(different, titles))
    new = [movie for movie in movies if movie.movie_id not in titles]
    if not new:
        return Added(0, len(titles), "")
    job = jobs.start_import(actor=actors.command_actor(), file_name=f"movielens.{FORM}", chunks=_chunks(new))
    job = foreground.finished(job)
    if job.state == Job.State.FAILED:
        raise Conflict(f"{_reason(job, new)} Nothing was changed.")
    job = foreground.finished(jobs.confirm(job_id=job.pk, actor=job.actor), progress)
    if job.state != Job.State.DONE:
        raise Conflict(job.result["error"])
    return Added(len(new), len(titles), str(job.pk))


def _normalized(title: str) -> str:
    try:
        return normalize(title)
    except ValueError:  # the import says what is wrong with it
        return title


def _other_titles(different: Sequence[FileMovie], titles: dict[int, str]) -> str:
    named = "; ".join(
        f"movie {movie.movie_id} is {titles[movie.movie_id]!r} there and {movie.title!r} in the file"
        for movie in different[:MAX_NAMED]
    )
    more = f"; and {len(different) - MAX_NAMED:,} more" if len(different) > MAX_NAMED else ""
    return (
        f"The inventory has other movies under ids of the file: {named}{more}. Nothing was changed."
        " A replay keeps the ids of the file, so it needs an inventory without other movies: start `make run` with"
        " TETRAFLIX_VAR set to a new folder, and run this command with the same TETRAFLIX_VAR."
    )


def _chunks(movies: Iterable[FileMovie]) -> Iterator[bytes]:
    rows = [(movie.movie_id, movie.title, False, list(profile(movie.genres))) for movie in movies]
    for start in range(0, len(rows), CHUNK_MOVIES):
        yield file_format.lines_of(rows[start : start + CHUNK_MOVIES], FORM)


def _reason(job: Job, movies: Sequence[FileMovie]) -> str:
    """Why the import failed; a line of the job's file is a movie of ours."""
    for line, column, sentence in job.result.get("problems", []):
        return f"Movie {movies[line - 1].movie_id}, {column}: {sentence}"
    return str(job.result.get("error", ""))
