"""Adds generated movies until the inventory has a given number."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from movies.inventory import seeding
from movies.models import Movie
from movies.viewing import popularity

MAX_MOVIES = 50_000_000


class Command(BaseCommand):
    help = (
        "Adds generated movies, with views, until there are --movies; a --seed always gives the same ones."
        " They are a starting state, which is not published (see announce_inventory)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--movies", type=int, default=300_000, help="number of movies afterwards (300000)"
        )
        parser.add_argument("--seed", type=int, default=1, help="seed of the generator (1)")

    def handle(self, *args: Any, movies: int, seed: int, **options: Any) -> None:
        if not 0 <= movies <= MAX_MOVIES:
            raise CommandError(f"--movies is a number from 0 to {MAX_MOVIES}.")
        if seed < 0:
            raise CommandError("--seed is a number from 0.")
        there = Movie.objects.count()
        if there >= movies:
            self.stdout.write(f"Nothing to do: there are {there:,} movies.")
            return
        started = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=sys.stderr)) as progress:
            bar = progress.add_task("seeding movies", total=movies - there)
            rows = 2  # of each movie: itself and its views
            done = seeding.top_up(
                movies=movies, seed=seed, progress=lambda count: progress.advance(bar, count / rows)
            )
        popularity.refresh()
        top_share = done.most_views / max(1, done.views)
        self.stdout.write(
            f"{done.movies:,} movies added (ids from {done.first}, seed {seed}) with {done.views:,} views"
            f" ({top_share:.2%} of them of one movie), popularity refreshed, in {time.monotonic() - started:.1f} s."
        )
