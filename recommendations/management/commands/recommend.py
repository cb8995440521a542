"""`manage.py recommend`: makes own lists of recommendations now, of some or all users."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from movies.foundation.numbers import MAX_BIGINT, whole_number
from recommendations import stores
from recommendations.recommender import concentration, refresh
from recommendations.stores.base import StoreUnavailable


class Command(BaseCommand):
    help = (
        "Makes the own recommendation lists of some users or of all, without waiting for their next finish."
        " Lists from the bus of the last BUS_LISTS_HOLD_DAYS stay. --report shows how concentrated the lists are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        whom = parser.add_mutually_exclusive_group()
        whom.add_argument("--users", nargs="+", metavar="ID", help="these users")
        whom.add_argument("--all", action="store_true", help="all users with lists or preferences")
        parser.add_argument(
            "--report",
            action="store_true",
            help="coverage, largest share, profiles and age of the stored lists",
        )

    def handle(self, *args: Any, users: list[str] | None, report: bool, **options: Any) -> None:
        makes = bool(users or options["all"])
        if not (makes or report):
            raise CommandError("Name users (--users 5783 ...) or --all, or ask for the --report.")
        if makes and settings.RECOMMENDER == "off":
            raise CommandError("RECOMMENDER is off: set it to mixture, euclid or popular to make lists.")
        try:
            if users:
                self.make(_ids(users), len(users))
            elif options["all"]:
                self.make(refresh.everybody(), stores.current().count())
            if report:
                Console(file=getattr(self.stdout, "_out", None)).print(concentration.report().table())
        except StoreUnavailable as error:
            raise CommandError(
                f"The store of lists is unavailable: {error} The worker makes the missing lists once it is back."
            ) from None

    def make(self, user_ids: Iterable[int], total: int) -> None:
        """Makes the lists of these users, `total` or so."""
        started, done = time.monotonic(), refresh.NOTHING
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=sys.stderr)) as progress:
            bar = progress.add_task("users", total=total)
            for done in refresh.refresh_all(user_ids):
                progress.update(bar, completed=done.users)
        seconds = time.monotonic() - started
        self.stdout.write(f"{done.lists:,} lists by {settings.RECOMMENDER} made in {seconds:.1f} s.")
        if others := done.users - done.lists:
            self.stdout.write(
                f"{others:,} users have a list of the bus that is held, or neither a finish nor preferences."
            )


def _ids(words: list[str]) -> list[int]:
    found = [whole_number(word) for word in words]
    if None in found:
        raise CommandError(f"A user is a whole number from 1 to {MAX_BIGINT}.")
    return [user_id for user_id in found if user_id is not None]
