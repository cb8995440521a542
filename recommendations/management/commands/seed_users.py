"""Tops the store of lists up to a number of generated users."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from recommendations import seeding

MOST = 1_000_000_000


class Command(BaseCommand):
    help = (
        "Gives each of the users 1 to --users a recommendation list, and some of them something half watched,"
        " unless they have lists already; a --seed and an inventory always give the same."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--users", type=int, default=100_000, help="users 1 to this have lists then (100000)"
        )
        parser.add_argument("--seed", type=int, default=1, help="what they are made from (1)")

    def handle(self, *args: Any, users: int, seed: int, **options: Any) -> None:
        if not 0 <= users <= MOST:
            raise CommandError(f"--users is a number from 0 to {MOST}.")
        if seed < 0:
            raise CommandError("--seed is a number from 0.")
        started = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        try:
            with Progress(*columns, console=Console(file=sys.stderr)) as progress:
                bar = progress.add_task("seeding users", total=users)
                added = seeding.top_up(
                    users=users, seed=seed, progress=lambda done: progress.advance(bar, done)
                )
        except seeding.NoMovies:
            raise CommandError("There are no movies to recommend: run seed_movies first.") from None
        if not added:
            self.stdout.write(f"Nothing to do: each of the users 1 to {users:,} has lists.")
            return
        self.stdout.write(f"{added:,} users added (seed {seed}) in {time.monotonic() - started:.1f} s.")
