"""Publishes the outbox by hand, as the worker does by itself."""

import random
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from movies.outbox import publisher

MAX_PAUSE_SECONDS = 30.0  # between two attempts while SQS is unavailable


class Command(BaseCommand):
    help = "Publishes the inventory changes in the outbox to CHANGES_QUEUE, until it is empty."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--patience", type=float, default=60, help="how many seconds to wait for an unavailable SQS (60)"
        )

    def handle(self, *args: Any, patience: float, **options: Any) -> None:
        sent, pause, unavailable_since = 0, 0.5, None
        while True:
            try:
                now = publisher.publish(seconds=5)
            except publisher.BusUnavailable as error:
                unavailable_since = unavailable_since or time.monotonic()
                if time.monotonic() - unavailable_since + pause > patience:
                    raise CommandError(
                        f"SQS does not accept messages ({error}). Sent before that: {sent}. Nothing is lost:"
                        " the worker continues when SQS is available, or run this command again."
                    ) from error
                time.sleep(pause * random.uniform(0.5, 1))
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
                continue
            sent, pause, unavailable_since = sent + now, 0.5, None
            left, _ = publisher.outbox_lag()
            if not now:
                break
            if left:
                self.stdout.write(f"{sent} changes sent, {left} left")
        if left:
            raise CommandError(
                f"{sent} changes sent, {left} left: another publisher is running, or SQS refuses some."
            )
        self.stdout.write(f"{sent} changes sent; the outbox is empty.")
