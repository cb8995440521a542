"""Sends the whole inventory as it is now to a new reader of the change feed."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from movies.models import Movie
from movies.outbox import publisher


class Command(BaseCommand):
    help = (
        "Sends every visible movie to CHANGES_QUEUE as `added` at its present version, for a reader "
        "that starts empty (nothing else announces seeded movies). Other readers drop versions that they know."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--after", type=int, default=0, help="resume after this movie id, where an interrupted run ended"
        )

    def handle(self, *args: Any, after: int, **options: Any) -> None:
        total = Movie.objects.filter(id__gt=after, hidden=False).count()
        last = after
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=sys.stderr)) as progress:
            bar = progress.add_task("announcing", total=total)
            try:
                for count, last_sent in publisher.announce(after=after):
                    last = last_sent
                    progress.advance(bar, count)
            except publisher.BusUnavailable as error:
                raise CommandError(
                    f"{error}. Resume with: manage.py announce_inventory --after {last}"
                ) from error
            announced = int(progress.tasks[0].completed)
        self.stdout.write(f"{announced} movies announced.")
