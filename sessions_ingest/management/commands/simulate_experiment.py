"""`manage.py simulate_experiment`: an experiment of the past with simulated users, to see its page whole."""

import logging
import os
import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from recommendations.experiments.plan import BadPlan
from recommendations.experiments.planning.certificate import SEEDS, certify
from recommendations.experiments.planning.history import TooFewData
from recommendations.experiments.report import report
from recommendations.stores.base import StoreUnavailable
from sessions_ingest.experiment_days import removal, summary
from sessions_ingest.experiment_days.population import WARM_UP_DAYS
from sessions_ingest.experiment_days.removal import Removed
from sessions_ingest.experiment_days.simulated import Refused, Size, simulate, simulated

NAME = "simulated"


def _variable(name: str, default: int) -> int:
    """The default of an option: the variable of this name, as make has it."""
    try:
        return int(os.environ.get(name) or default)
    except ValueError:
        raise CommandError(f"{name} is a whole number.") from None


class Command(BaseCommand):
    help = (
        "Plays the days of an experiment of the past: users with ids above 10^12 look at lists of the real"
        " recommender, watch and now and then rate movies, through ingestion and the log of lists read, at simulated"
        " times. A movie is taken from a modelled list --lift percent likelier than from a fixed one; the command"
        " prints this beside what the experiment's page finds. Their views count, as all do, until --remove removes"
        " everything again. MOVIES, DAYS and USERS are the options' defaults."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default=NAME, help="of the experiment (%(default)s)")
        parser.add_argument("--days", type=int, default=_variable("DAYS", 60), help="that it ran (60)")
        parser.add_argument(
            "--users", type=int, default=_variable("USERS", 2000), help="simulated ones (2000)"
        )
        parser.add_argument("--lift", type=float, default=20.0, help="planted, in percent (20)")
        parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn (1)")
        parser.add_argument(
            "--movies",
            type=int,
            default=_variable("MOVIES", 0),
            help="adds generated movies up to this number first (0: none)",
        )
        parser.add_argument(
            "--remove", action="store_true", help="removes the experiment and all facts of its users"
        )

    def handle(self, *args: Any, name: str, remove: bool, **options: Any) -> None:
        try:
            if remove:
                self._remove(name)
            else:
                self._simulate(name, **options)
        except (Refused, BadPlan) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. --remove removes what was done.") from None
        except StoreUnavailable as error:
            raise CommandError(
                f"The store of lists is unavailable: {error} --remove removes what was done."
            ) from None

    def _simulate(
        self, name: str, *, days: int, users: int, lift: float, seed: int, movies: int, **options: Any
    ) -> None:
        size = Size(days=days, users=users, lift=lift, seed=seed)
        size.check()
        # Each batch wakes the worker. Where none runs, that is no news.
        logging.getLogger("tetraflix.background.task_waker").setLevel(logging.ERROR)
        if movies:
            call_command("seed_movies", movies=movies, stdout=self.stdout)
        started = time.monotonic()
        ended_at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        with _bar() as bar:
            task = bar.add_task("simulated days", total=WARM_UP_DAYS + days)
            played = simulate(
                name, size, ended_at=ended_at, progress=lambda done: bar.update(task, completed=done)
            )
            self._certify(name, bar)
        for line in summary.lines(played, report(name), lift=lift, seconds=time.monotonic() - started):
            self.stdout.write(line)
        page = reverse("admin:recommendations_experiment_change", args=[simulated(name).pk])
        self.stdout.write(
            f"See {settings.WEB_URL}{page}, or `manage.py experiment report {name}`."
            f" `manage.py simulate_experiment --name {name} --remove` removes it."
        )

    def _certify(self, name: str, bar: Progress) -> None:
        task = bar.add_task("A/A runs", total=SEEDS)
        try:
            certify(name, progress=lambda runs: bar.update(task, completed=runs))
        except TooFewData as error:
            self.stdout.write(f"No A/A certificate: {error}")

    def _remove(self, name: str) -> None:
        removed = Removed(0, 0)
        with _bar() as bar:
            task = bar.add_task("users removed", total=None)
            for removed in removal.remove(simulated(name)):
                bar.update(task, completed=removed.users)
        self.stdout.write(
            f"{name} is removed: {removed.users:,} users and {removed.views:,} views of theirs."
        )


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(file=sys.stderr))
