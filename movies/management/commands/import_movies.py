"""Imports movies from a file, all rows or none."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress, TaskID

from movies.bulk import foreground, jobs
from movies.bulk.file_format import BadFile
from movies.foundation import actors
from movies.models import Job

READ_BYTES = 1024 * 1024


class Command(BaseCommand):
    help = (
        "Checks FILE (CSV or JSON lines, also compressed with gzip), reports what it changes, and applies it:"
        " all rows, or none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="rows with an id change that movie, rows without are new")
        parser.add_argument("--check", action="store_true", help="only report what the file would change")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        name = os.fsencode(path.name).decode(errors="replace")
        with Progress(console=Console(file=sys.stderr), transient=True) as bar:
            task = bar.add_task("Reading", total=path.stat().st_size)
            try:
                job = jobs.start_import(
                    actor=actors.command_actor(), file_name=name, chunks=_chunks(path, bar, task)
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
        while chunk := file.read(READ_BYTES):
            yield chunk
            bar.advance(task, len(chunk))


def _finished(job: Job, bar: Progress, what: str) -> Job:
    task = bar.add_task(what, total=job.total)
    return foreground.finished(job, lambda done: bar.update(task, completed=done))
