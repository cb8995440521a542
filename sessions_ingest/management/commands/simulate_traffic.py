"""`manage.py simulate_traffic`: simulates clients and sister services, over HTTP and SQS alone."""

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
from sessions_ingest.simulation.measurements import Measurements
from sessions_ingest.simulation.new_lists import GIVE_UP_SECONDS
from sessions_ingest.simulation.players import SLICES, Simulation, make_simulation, take_snapshot
from sessions_ingest.simulation.sender import Sender
from sessions_ingest.simulation.verify import differences

REPORT_SECONDS = 10  # between lines where there is no terminal to write over
VERIFY_SECONDS = 60.0
STOPPED_SECONDS = 4.0  # for sending and verifying after a signal to stop
SHOWN_DIFFERENCES = 5  # of users, printed at the end


class Command(BaseCommand):
    help = (
        "Users read their lists and start, resume and finish movies; their sessions go over the bus, some delayed,"
        " repeated and out of order. Measures how long after a finish a new list is shown. Ends with a summary and"
        " verifies that the lists show what was sent (exit code 1 if not). A limited run and an unlimited one use"
        " different users."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rate", type=float, default=20.0, help="sessions a second (20)")
        parser.add_argument("--seconds", type=float, default=60.0, help="duration (60); 0: until stopped")
        parser.add_argument("--url", default=settings.WEB_URL, help="address of the service (%(default)s)")
        parser.add_argument("--key", default="", help="an API key, if reads need one")
        parser.add_argument(
            "--sister-lists",
            action="store_true",
            help="the Recommendations service sends lists, too; users who got one keep it",
        )
        parser.add_argument(
            "--read-changes",
            action="store_true",
            help="a sister service reads CHANGES_QUEUE, too, and counts what it read; nobody else should read it",
        )

    def handle(
        self,
        *args: Any,
        rate: float,
        seconds: float,
        url: str,
        key: str,
        sister_lists: bool,
        read_changes: bool,
        **options: Any,
    ) -> None:
        if rate <= 0 or seconds < 0:
            raise CommandError("--rate must be above 0, and --seconds 0 or above")
        console = Console(file=getattr(self.stdout, "_out", None))
        measurements = Measurements()
        sender = Sender(settings.SESSION_QUEUE, settings.RECS_QUEUE, measurements, seed=os.getpid())
        client = Client(url, measurements, key)
        try:
            snapshot = take_snapshot(client)
        except ServiceUnavailableError as error:
            raise CommandError(f"{error}. `make run` starts the service.") from error
        # an unlimited run uses the lower half of the slices, a limited one the upper half
        half = SLICES // 2
        slice_ = os.getpid() % half + (half if seconds else 0)
        simulation = make_simulation(
            snapshot,
            url,
            key,
            sender,
            measurements,
            rate=rate,
            slice_=slice_,
            sister_lists=sister_lists,
            changes_queue=settings.CHANGES_QUEUE if read_changes else "",
        )
        stopped = self._stop_on_signal()
        console.print(
            f"Simulating {rate:g} sessions/s at {url}, by users 1 to about {snapshot.users:,} and some new ones"
        )
        simulation.start()
        self._report(console, simulation, measurements, stopped, seconds)
        unsent = simulation.end(STOPPED_SECONDS if stopped.is_set() else VERIFY_SECONDS)
        verdict, ok = self._verify(console, client, simulation, unsent, stopped.is_set())
        console.print(summary(measurements, simulation))
        console.print(
            f"{new_lists(measurements)}{changes_read(measurements)}",
            highlight=False,
            soft_wrap=True,
        )
        console.print(verdict, highlight=False)
        if not ok:
            raise CommandError("the service does not show what was sent")

    def _stop_on_signal(self) -> threading.Event:
        stopped = threading.Event()

        def on_signal(number: int, frame: FrameType | None) -> None:
            stopped.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)
        return stopped

    def _report(
        self,
        console: Console,
        simulation: Simulation,
        measurements: Measurements,
        stopped: threading.Event,
        seconds: float,
    ) -> None:
        start = time.monotonic()
        end = start + seconds if seconds else float("inf")
        with console.status("") as status:
            reported = start
            while time.monotonic() < end and not stopped.wait(min(0.5, max(0.0, end - time.monotonic()))):
                line = (
                    f"{time.monotonic() - start:.0f} s: {simulation.sessions():,} sessions,"
                    f" {measurements.requests.total():,} requests ({measurements.errors.total():,} errors),"
                    f" p50 {measurements.percentiles('recommendations')[0]:.1f} ms,"
                    f" {measurements.sent.total():,} messages. {new_lists(measurements)}"
                    f"{changes_read(measurements)}"
                )
                status.update(line)
                if not console.is_terminal and time.monotonic() - reported >= REPORT_SECONDS:
                    console.print(line, highlight=False, soft_wrap=True)
                    reported = time.monotonic()

    def _verify(
        self, console: Console, client: Client, simulation: Simulation, unsent: int, stopped: bool
    ) -> tuple[str, bool]:
        users = simulation.users()
        if unsent:
            return f"Not verified: {unsent} messages could not be sent.", stopped
        try:
            with console.status("") as status:
                found = differences(
                    client,
                    users,
                    seconds=STOPPED_SECONDS if stopped else VERIFY_SECONDS,
                    progress=lambda left: status.update(
                        f"{left} of {len(users)} users do not see all of it yet"
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
        lines = [
            f"{len(found)} of {len(users):,} users do not see what was sent:",
            *map(str, found[:SHOWN_DIFFERENCES]),
        ]
        return "\n".join(lines), False


def new_lists(measurements: Measurements) -> str:
    """A sentence about the time from a finish to a new list, for the finishes that were measured."""
    seen, p50, p95 = measurements.new_lists()
    late = measurements.late_lists
    none = f"no new list within {GIVE_UP_SECONDS:g} s of {late:,} finishes"
    if not seen:
        return f"Finish to new list: {none if late else 'nothing measured yet'}."
    return f"Finish to new list: p50 {p50:.1f} s, p95 {p95:.1f} s ({seen:,} finishes{f'; {none}' if late else ''})."


def changes_read(measurements: Measurements) -> str:
    """A sentence about what was read from the change feed; "" if nothing was."""
    if not measurements.changes and not measurements.errors["change"]:
        return ""
    kinds = ", ".join(f"{number:,} {action}" for action, number in sorted(measurements.changes.items()))
    errors = measurements.errors["change"]
    failed = f"; {errors:,} reads failed" if errors else ""
    return (
        f" Changes of movies read: {measurements.changes.total():,}{f' ({kinds})' if kinds else ''}{failed}."
    )


def summary(measurements: Measurements, simulation: Simulation) -> Table:
    """A table of requests with their latencies, and of messages."""
    table = Table()
    for heading in ("", "number", "errors", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(heading, justify="right" if heading else "left")
    for kind in sorted(measurements.requests):
        latencies = [f"{wait:.1f}" for wait in measurements.percentiles(kind)]
        table.add_row(
            f"GET {kind}", f"{measurements.requests[kind]:,}", f"{measurements.errors[kind]:,}", *latencies
        )
    for kind in ("session", "recommendations"):
        table.add_row(
            f"{kind} messages", f"{measurements.sent[kind]:,}", f"{measurements.errors[f'{kind} message']:,}"
        )
    table.add_row("users", f"{len(simulation.users()):,}")
    return table
