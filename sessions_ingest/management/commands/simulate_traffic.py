"""`manage.py simulate_traffic`: clients and sister services, played over HTTP and SQS alone."""

import os
import signal
import threading
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from sessions_ingest.simulation.client import Client, ServiceUnavailableError
from sessions_ingest.simulation.measurements import Figures
from sessions_ingest.simulation.players import SLICES, Play, learn, make_play
from sessions_ingest.simulation.sender import Sender
from sessions_ingest.simulation.verify import differences

REPORT_SECONDS = 10  # between lines where there is no terminal to write over
VERIFY_SECONDS = 60.0
STOPPED_SECONDS = 4.0  # for the end when it is told to stop: whoever says so may not wait longer


class Command(BaseCommand):
    help = (
        "Users look at their lists, start, resume and finish movies; sessions and new lists go over the bus,"
        " some late, twice and out of order. At the end: a summary, and whether what was sent is shown"
        " (exit code 1 if not). A run with an end and one without play different users."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rate", type=float, default=20.0, help="sessions a second (20)")
        parser.add_argument(
            "--seconds", type=float, default=60.0, help="for how long (60); 0: until it is stopped"
        )
        parser.add_argument("--url", default=settings.WEB_URL, help="the service (%(default)s)")
        parser.add_argument("--key", default="", help="an API key, where reads need one")

    def handle(self, *args: Any, rate: float, seconds: float, url: str, key: str, **options: Any) -> None:
        if rate <= 0 or seconds < 0:
            raise CommandError("--rate must be above 0, and --seconds 0 or above")
        console = Console(file=getattr(self.stdout, "_out", None))
        figures = Figures()
        sender = Sender(settings.SESSION_QUEUE, settings.RECS_QUEUE, figures, seed=os.getpid())
        client = Client(url, figures, key)
        try:
            world = learn(client)
        except ServiceUnavailableError as error:
            raise CommandError(f"{error}. `make run` starts the service.") from error
        # without end: the lower half of the slices, where a run with an end does not go
        half = SLICES // 2
        slice_ = os.getpid() % half + (half if seconds else 0)
        play = make_play(world, url, key, sender, figures, rate=rate, slice_=slice_)
        stopped = self._stop_on_signal()
        console.print(
            f"Playing {rate:g} sessions/s at {url}, with users up to about {world.users:,} and some new ones"
        )
        play.start()
        self._watch(console, play, figures, stopped, seconds)
        unsent = play.end(STOPPED_SECONDS if stopped.is_set() else VERIFY_SECONDS)
        verdict, well = self._verify(console, client, play, unsent, stopped.is_set())
        console.print(summary(figures, play))
        console.print(verdict, highlight=False)
        if not well:
            raise CommandError("the service does not show what was sent")

    def _stop_on_signal(self) -> threading.Event:
        stopped = threading.Event()

        def on_signal(number: int, frame: FrameType | None) -> None:
            stopped.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)
        return stopped

    def _watch(
        self, console: Console, play: Play, figures: Figures, stopped: threading.Event, seconds: float
    ) -> None:
        start = time.monotonic()
        end = start + seconds if seconds else float("inf")
        with console.status("") as status:
            reported = start
            while time.monotonic() < end and not stopped.wait(min(0.5, max(0.0, end - time.monotonic()))):
                line = (
                    f"{time.monotonic() - start:.0f} s: {play.sessions():,} sessions,"
                    f" {sum(figures.requests.values()):,} requests ({sum(figures.errors.values()):,} errors),"
                    f" p50 {figures.percentiles('recommendations')[0]:.1f} ms,"
                    f" {sum(figures.sent.values()):,} messages"
                )
                status.update(line)
                if not console.is_terminal and time.monotonic() - reported >= REPORT_SECONDS:
                    console.print(line, highlight=False)
                    reported = time.monotonic()

    def _verify(
        self, console: Console, client: Client, play: Play, unsent: int, stopped: bool
    ) -> tuple[str, bool]:
        users = play.users()
        if unsent:
            return f"Not verified: {unsent} messages could not be sent.", stopped
        try:
            with console.status("") as status:
                found = differences(
                    client,
                    users,
                    seconds=STOPPED_SECONDS if stopped else VERIFY_SECONDS,
                    progress=lambda left: status.update(
                        f"{left} of {len(users)} users do not see everything yet"
                    ),
                )
        except ServiceUnavailableError as error:
            return f"Not verified: {error}", stopped
        if not found:
            return f"Verified: each of {len(users):,} users sees what was sent.", True
        if stopped:
            return (
                f"Not verified: stopped while {len(found)} of {len(users):,} users did not see all yet.",
                True,
            )
        lines = [f"{len(found)} of {len(users):,} users do not see what was sent:", *map(str, found[:5])]
        return "\n".join(lines), False


def summary(figures: Figures, play: Play) -> Table:
    """What was asked and how long it took, and what was sent."""
    table = Table()
    for heading in ("", "number", "errors", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(heading, justify="right" if heading else "left")
    for kind in sorted(figures.requests):
        waits = [f"{wait:.1f}" for wait in figures.percentiles(kind)]
        table.add_row(f"GET {kind}", f"{figures.requests[kind]:,}", f"{figures.errors[kind]:,}", *waits)
    for kind in ("session", "recommendations"):
        table.add_row(f"{kind} messages", f"{figures.sent[kind]:,}", f"{figures.errors[f'{kind} message']:,}")
    table.add_row("users", f"{len(play.users()):,}")
    return table
