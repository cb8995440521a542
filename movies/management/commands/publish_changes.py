"""Sends the inventory changes that wait in the outbox, as the worker does by itself."""

import random
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from movies.outbox import publisher

LONGEST_PAUSE = 30.0  # seconds between two tries while SQS is away


class Command(BaseCommand):
    help = "Sends the changes of inventory that wait in the outbox to CHANGES_QUEUE, until none is left."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--patience", type=float, default=60, help="how many seconds to wait for SQS when it is away (60)"
        )

    def handle(self, *args: Any, patience: float, **options: Any) -> None:
        sent, pause, away_since = 0, 0.5, None
        while True:
            try:
                now = publisher.publish(seconds=5)
            except publisher.BusUnavailable as error:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since + pause > patience:
                    raise CommandError(
                        f"SQS does not take messages ({error}). Sent before that: {sent}. "
                        "Nothing is lost: the worker goes on when SQS is back, or run this again."
                    ) from error
                time.sleep(pause * random.uniform(0.5, 1))
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            sent, pause, away_since = sent + now, 0.5, None
            left, _ = publisher.waiting()
            if not now:
                break
            if left:
                self.stdout.write(f"{sent} changes sent, {left} left")
        if left:
            raise CommandError(
                f"{sent} changes sent, {left} left: another publisher is at work, or SQS refuses some."
            )
        self.stdout.write(f"{sent} changes sent; the outbox is empty.")
