"""`manage.py import_movies FILE`: movies from a file into the inventory, all of them or none."""

import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress, TaskID

from movies.bulk import jobs
from movies.bulk.file_format import BadFile
from movies.foundation import actors
from movies.models import Job

READ = 1024 * 1024  # bytes at a time
LOOK_AGAIN_SECONDS = 0.5


class Command(BaseCommand):
    help = (
        "Reads FILE (CSV or JSON lines, also compressed with gzip), says what it would change, and applies it:"
        " all rows, or none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="rows with an id change that movie, rows without are new")
        parser.add_argument("--check", action="store_true", help="only say what it would come to")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        name = os.fsencode(path.name).decode(errors="replace")
        with Progress(console=Console(file=sys.stderr), transient=True) as bar:
            task = bar.add_task("Reading", total=path.stat().st_size)
            try:
                job = jobs.start_import(
                    actor=actors.of_command(), file_name=name, chunks=_chunks(path, bar, task)
                )
            except BadFile as error:
                raise CommandError(str(error)) from None
            except OSError as error:
                raise CommandError(f"The file cannot be read: {error}.") from None
            job = _finished(job, bar, "Checking")
        self._report(job)
        if job.state == Job.State.FAILED:
            raise CommandError(f"{job.result.get('error') or 'The file has bad rows.'} Nothing was changed.")
        if options["check"]:
            jobs.drop(job_id=job.pk)
            return
        with Progress(console=Console(file=sys.stderr), transient=True) as bar:
            job = _finished(jobs.confirm(job_id=job.pk, actor=job.actor), bar, "Applying")
        if job.state != Job.State.DONE:
            raise CommandError(job.result["error"])
        self.stdout.write(f"Done; batch {job.pk} can be reverted as one.")

    def _report(self, job: Job) -> None:
        result = job.result
        for line, column, sentence in result.get("problems", []):
            self.stderr.write(f"line {line}, {column}: {sentence}")
        if "rows" in result:
            self.stdout.write(
                f"{result['rows']:,} rows: {result['new']:,} new, {result['changed']:,} changed,"
                f" {result['unchanged']:,} unchanged, {result['bad']:,} bad."
            )


def _chunks(path: Path, bar: Progress, task: TaskID) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(READ):
            yield chunk
            bar.advance(task, len(chunk))


def _finished(job: Job, bar: Progress, what: str) -> Job:
    """The job as far as it goes: done here, or by a worker that was faster."""
    task = bar.add_task(what, total=job.total)
    while job.state in jobs.UNDER_WAY:
        jobs.run(job.pk, progress=lambda done: bar.update(task, completed=done))
        job.refresh_from_db()
        if job.state in jobs.UNDER_WAY:
            bar.update(task, completed=job.done)
            time.sleep(LOOK_AGAIN_SECONDS)
    return job
