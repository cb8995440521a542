"""`manage.py export_movies FILE`: the whole inventory as a file that `import_movies` takes."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from rich.console import Console
from rich.progress import Progress

from movies import browsing
from movies.browsing import Selection
from movies.exports import export_chunks
from movies.transfer import BadFile, format_of


class Command(BaseCommand):
    help = "Writes every movie to FILE (.csv or .jsonl): id, title, hidden and the 15 genres."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="ends in .csv or .jsonl; overwritten if it is there")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            form = format_of(path.name)
        except BadFile as error:
            raise CommandError(str(error)) from None
        with Progress(console=Console(file=sys.stderr), transient=True) as bar:
            task = bar.add_task("Exporting", total=browsing.count(Selection()))
            done = 0

            def report(number: int) -> None:
                nonlocal done
                done = number
                bar.update(task, completed=number)

            with path.open("wb") as file, transaction.atomic():
                for chunk in export_chunks(form, report):
                    file.write(chunk)
        self.stdout.write(f"{done:,} movies are in {path}.")
