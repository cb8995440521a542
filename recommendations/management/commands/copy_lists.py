"""`manage.py copy_lists --from postgres --to mongo`: copies every user's lists from one store to the other."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from recommendations.store_migration import PositionFile, copy, differences
from recommendations.stores import named
from recommendations.stores.base import StoreUnavailable

STORES = ("postgres", "mongo")
SHOWN_DIFFERENCES = 10


class Command(BaseCommand):
    """Copies and verifies; a copy that was stopped resumes."""

    help = (
        "Copies every user's lists from one store to the other (MONGODB_URL is MongoDB's address), "
        "replacing existing lists. Pause ingestion first: CONSUME_IN_WORKER=off, no `manage.py consume`, "
        "no service that posts; the queues keep the messages. A copy that was stopped resumes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="source", choices=STORES, required=True)
        parser.add_argument("--to", dest="target", choices=STORES, required=True)
        parser.add_argument("--restart", action="store_true", help="start again at the first user")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["source"] == options["target"]:
            raise CommandError("--from and --to are the same store.")
        if not settings.MONGODB_URL:
            raise CommandError("MONGODB_URL is not set: it is MongoDB's address.")
        try:
            self._copy(options["source"], options["target"], restart=options["restart"])
        except StoreUnavailable as error:
            raise CommandError(f"A store is unavailable; run the same command to resume. {error}") from error

    def _copy(self, source_name: str, target_name: str, *, restart: bool) -> None:
        source, target = named(source_name), named(target_name)
        position_file = PositionFile(settings.VAR_DIR / f"copy_lists-{source_name}-{target_name}.json")
        if restart:
            position_file.clear()
        position = position_file.read()
        if position.copied:
            self.stdout.write(f"Resuming after user {position.after}; {position.copied:,} are copied.")
        columns = (TextColumn("Users"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=self.stderr)) as bar:  # type: ignore[arg-type]
            task = bar.add_task("", total=source.count(), completed=position.copied)
            for position in copy(source, target, position_file):
                bar.update(task, completed=position.copied)
        found = differences(source, target, position.places)
        if found:
            summary = f"{len(found)} differences. Was ingestion paused? `--restart` copies everything again."
            raise CommandError("\n".join([*found[:SHOWN_DIFFERENCES], summary]))
        position_file.clear()
        self.stdout.write(
            f"{position.copied:,} users copied from {source_name} to {target_name}; "
            "their number and a sample of them are equal in both."
        )
