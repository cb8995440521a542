"""`manage.py rebuild_search`: replaces the search index by a new one without downtime."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from movies.foundation import leases
from movies.models import Movie
from movies.search.elastic import indexing


class Command(BaseCommand):
    """Rebuilds the search index."""

    help = "Indexes every movie into a new Elasticsearch index, which then replaces the old one at once."

    def handle(self, *args: Any, **options: Any) -> None:
        columns = (TextColumn("Movies"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        try:
            with Progress(*columns, console=Console(file=self.stderr)) as bar:  # type: ignore[arg-type]
                task = bar.add_task("", total=Movie.objects.count())
                done = indexing.rebuild(lambda movies: bar.advance(task, movies))
        except leases.LeaseHeld as error:
            raise CommandError(
                "Another process is rebuilding the index. If it was killed, try again in"
                f" {indexing.LEASE_SECONDS:.0f} s."
            ) from error
        except indexing.REBUILD_ERRORS as error:
            raise CommandError(f"The old index stays in use; the new one was removed: {error}") from error
        self.stdout.write(f"{done.movies:,} movies indexed; searches now use {done.index}.")
