"""Exports the whole inventory to a file that `import_movies` accepts."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from rich.console import Console
from rich.progress import Progress

from movies.bulk.exports import compressed, export_chunks
from movies.bulk.file_format import EXPORT_EXTENSIONS, BadFile, format_of
from movies.search import selections
from movies.search.selections import Selection


class Command(BaseCommand):
    help = "Writes every movie to FILE: id, title, hidden and the 15 genres."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file",
            type=Path,
            help="ends in .csv, .jsonl, .csv.gz or .jsonl.gz; an existing file is overwritten",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            form = format_of(path.name, EXPORT_EXTENSIONS)
        except BadFile as error:
            raise CommandError(str(error)) from None
        with Progress(console=Console(file=sys.stderr), transient=True) as bar:
            task = bar.add_task("Exporting", total=selections.count(Selection()))
            done = 0

            def report(number: int) -> None:
                nonlocal done
                done = number
                bar.update(task, completed=number)

            chunks = export_chunks(form, report)
            try:
                with path.open("wb") as file, transaction.atomic():
                    for chunk in compressed(chunks) if path.suffix.lower() == ".gz" else chunks:
                        file.write(chunk)
            except OSError as error:
                raise CommandError(f"The file cannot be written: {error}.") from None
        self.stdout.write(f"{done:,} movies written to {path}.")
