"""`manage.py seed_users`: adds generated users to the store of lists, up to a number."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from recommendations.seeding import seeded_experiment, seeded_preferences, seeded_users

MAX_USERS = 1_000_000_000


class Command(BaseCommand):
    help = (
        "Gives each of the users 1 to --users that has no lists a recommendation list, and some of them movies in"
        " progress. The same --seed and inventory give the same lists. --preferences gives some of them fixed genre"
        " preferences, too: what the movies of their list have in common. --experiment starts an experiment."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--users", type=int, default=100_000, help="number of users with lists afterwards (100000)"
        )
        parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (1)")
        parser.add_argument(
            "--preferences", type=int, default=0, metavar="PERCENT", help="percent of the users (0)"
        )
        parser.add_argument(
            "--experiment",
            default="",
            metavar="NAME",
            help="create and start it, if there is none of this name",
        )

    def handle(
        self, *args: Any, users: int, seed: int, preferences: int, experiment: str, **options: Any
    ) -> None:
        if not 0 <= users <= MAX_USERS:
            raise CommandError(f"--users is a number from 0 to {MAX_USERS}.")
        if seed < 0:
            raise CommandError("--seed is a number from 0.")
        if not 0 <= preferences <= 100:
            raise CommandError("--preferences is a number from 0 to 100.")
        started = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        try:
            with Progress(*columns, console=Console(file=sys.stderr)) as progress:
                bar = progress.add_task("seeding users", total=users)
                added = seeded_users.top_up(
                    users=users, seed=seed, progress=lambda done: progress.advance(bar, done)
                )
                given = self._give(users, seed, preferences, progress) if preferences else 0
        except seeded_users.NoMovies:
            raise CommandError("There are no movies to recommend: run seed_movies first.") from None
        if experiment:
            self.stdout.write(seeded_experiment.ensure(experiment))
        if given:
            self.stdout.write(f"{given:,} users were given preferences.")
        if added:
            self.stdout.write(f"{added:,} users added (seed {seed}) in {time.monotonic() - started:.1f} s.")
        elif not given:
            self.stdout.write(f"Nothing to do: each of the users 1 to {users:,} has lists.")

    def _give(self, users: int, seed: int, percent: int, progress: Progress) -> int:
        bar = progress.add_task("preferences", total=users)
        return seeded_preferences.give(
            users=users, seed=seed, percent=percent, progress=lambda done: progress.advance(bar, done)
        )
