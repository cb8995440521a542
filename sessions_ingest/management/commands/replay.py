"""`manage.py replay`: plays MovieLens' ratings through the queue, and evaluates the recommendation strategies."""

import signal
import sys
import threading
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from movies.outbox import bus
from recommendations.experiments.lifecycle import NotNow
from recommendations.experiments.plan import BadPlan
from sessions_ingest.replay import inventory, record, report, stored_history
from sessions_ingest.replay.experiment import past
from sessions_ingest.replay.history import leave_lists, measure
from sessions_ingest.replay.measures import evaluation
from sessions_ingest.replay.movielens import BadRatings, Finishes, movies_beside, read_movies, read_ratings
from sessions_ingest.replay.player import Player, Stalled
from sessions_ingest.replay.position import position_of

FILE_WIDTH = 120  # characters of a table where the output is no terminal


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a day like 1998-04-22") from None


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return speed


class Command(BaseCommand):
    help = (
        "Adds the movies of a MovieLens data set to the inventory, and plays its ratings through the queue as"
        " finished movies, in time order. --evaluate measures how often each strategy's list held the movie that a"
        " user finished next; it can be run alone. Ctrl-C stops; the same command goes on from there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--ratings", type=Path, metavar="FILE", help="ratings.csv, ratings.dat or u.data")
        parser.add_argument(
            "--movies",
            type=Path,
            metavar="FILE",
            help="movies.csv, movies.dat or u.item (default: the one beside the ratings, else no movie is added)",
        )
        parser.add_argument(
            "--speed",
            type=_speed,
            metavar="X",
            help="seconds of the record played in a second (default: as fast as the queue takes them)",
        )
        parser.add_argument(
            "--from", type=_day, dest="start", metavar="DATE", help="finishes of this day (UTC) and later"
        )
        parser.add_argument(
            "--until", type=_day, dest="end", metavar="DATE", help="finishes before this day (UTC)"
        )
        parser.add_argument(
            "--evaluate",
            action="store_true",
            help="measure the lists of all strategies, from the views that the service holds",
        )
        parser.add_argument(
            "--experiment",
            metavar="NAME",
            help="--evaluate: creates an experiment of the past, in which each user reads an arm's list before each"
            " finish",
        )
        parser.add_argument("--json", action="store_true", help="--evaluate: the last line is JSON")

    def handle(
        self,
        *args: Any,
        ratings: Path | None,
        movies: Path | None,
        speed: float | None,
        start: datetime | None,
        end: datetime | None,
        evaluate: bool,
        experiment: str | None,
        json: bool,
        **options: Any,
    ) -> None:
        if ratings is None and not evaluate:
            raise CommandError("Name the ratings to play (--ratings FILE), or --evaluate what was played.")
        if ratings is None and (movies or speed):
            raise CommandError("--movies and --speed need --ratings FILE.")
        if (json or experiment) and not evaluate:
            raise CommandError(f"{'--json' if json else '--experiment'} needs --evaluate.")
        if experiment and (start or end):
            raise CommandError("--experiment counts all views: leave --from and --until out.")
        if start and end and end <= start:
            raise CommandError("--until must be later than --from.")
        self.console = Console(
            file=getattr(self.stdout, "_out", None), highlight=False, markup=False, soft_wrap=True
        )
        if not self.console.is_terminal:
            self.console.width = FILE_WIDTH
        first = start.timestamp() if start else float("-inf")
        last = end.timestamp() if end else float("inf")
        if ratings is not None:
            try:
                if not self._play(ratings, movies, speed, first, last):
                    return
            except (BadRatings, inventory.Conflict, Stalled) as error:
                raise CommandError(str(error)) from None
        if evaluate:
            try:
                self._evaluate(first * 1_000_000, last * 1_000_000, experiment, as_json=json)
            except (past.NotPossible, BadPlan, NotNow) as error:
                raise CommandError(str(error)) from None

    def _play(
        self, ratings: Path, movies: Path | None, speed: float | None, first: float, last: float
    ) -> bool:
        """Plays the file; returns whether all of it is counted. Raises BadRatings, Conflict and Stalled."""
        self.console.print(report.genre_table())
        self._add_movies(ratings, movies)
        with _bar() as bar:
            bar.add_task("Reading the ratings", total=None)
            read = read_ratings(ratings)
            chosen = record.countable(read.between(first, last))
            before = record.counted(chosen.finishes)
        self.console.print(report.chosen(read, chosen, settings.VIEWS_KEPT_MONTHS))
        if not len(chosen.finishes):
            raise CommandError("There is no finish to play.")
        with _stop_on_signal() as stopped:
            return self._played(chosen.finishes, before, speed, stopped)

    def _add_movies(self, ratings: Path, given: Path | None) -> None:
        path = given or movies_beside(ratings)
        if path is None:
            self.console.print(
                f"No file of movies is given or beside {ratings.name}: finishes of movies that the inventory has are"
                " played."
            )
            return
        found = read_movies(path)
        with _bar() as bar:
            task = bar.add_task("Adding movies", total=len(found))
            added = inventory.add(found, lambda done: bar.update(task, completed=done))
        self.console.print(report.added(path, bool(given), found, added))

    def _played(self, finishes: Finishes, before: int, speed: float | None, stopped: threading.Event) -> bool:
        position = position_of(settings.VAR_DIR / "replay", finishes)
        if resumed := position.read():
            self.console.print(
                f"Goes on at finish {resumed:,} of {len(finishes):,}, where an earlier run stopped"
                f" ({position.path}; without this file it begins at the start)."
            )
        with _bar() as bar:
            task = bar.add_task("Playing finishes", total=len(finishes))
            player = Player(
                settings.SESSION_QUEUE,
                finishes,
                position,
                stopped,
                speed,
                lambda sent: bar.update(task, completed=sent),
            )
            sent = player.play()
        if sent < len(finishes):
            self.console.print(
                f"Stopped after {sent:,} of {len(finishes):,} finishes. The same command goes on from there."
            )
            return False
        with _bar() as bar:
            task = bar.add_task("Waiting for the views; messages left", total=None)
            counted = record.wait_until_counted(
                bus.queue(settings.SESSION_QUEUE),
                finishes,
                stopped=stopped.wait,
                progress=lambda left: bar.update(task, completed=left),
            )
        self.console.print(
            f"Played {sent:,} finishes: {counted - before:,} views counted, {before:,} were on record before."
        )
        if counted == len(finishes):
            position.clear()
            return True
        if not stopped.is_set():
            raise CommandError(
                f"{len(finishes) - counted:,} finishes are no views yet: does the worker run? See `manage.py status`."
                f" Delete {position.path} and run this command again to play all of them."
            )
        self.console.print("Stopped before all views were there.")
        return False

    def _evaluate(self, first: float, last: float, name: str | None, *, as_json: bool) -> None:
        """Raises NotPossible, BadPlan and NotNow if there cannot be an experiment of the name."""
        with _bar() as bar:
            task = bar.add_task("Reading the views", total=None)
            history = stored_history.load()
            experiment, log = past.create(name, history) if name else (None, None)
            bar.update(task, description="Evaluating views", total=len(history))
            places = measure(
                history,
                stored_history.taste(),
                start=first,
                end=last,
                progress=lambda done: bar.update(task, completed=done),
                log=log.add if log else leave_lists,
            )
            bar.update(task, description="Counting the experiment", total=None)
            answer = past.counted(experiment, log) if experiment and log else None
        result = evaluation(places)
        self.console.print(report.strategy_table(result))
        self.console.print(report.difference_table(result))
        for sentence in report.MEANING:
            self.console.print(sentence)
        if answer:
            self.console.print(report.experiment_table(answer))
        if as_json:
            self.stdout.write(report.as_json(result, answer))


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """Inside the block Ctrl-C and SIGTERM set the event instead of ending the process."""
    stopped = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stopped.set()

    usual = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
