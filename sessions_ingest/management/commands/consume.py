"""`manage.py consume`: the ingest loop alone, in the foreground."""

import signal
import threading
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from movies.signals import consuming
from sessions_ingest.intake import make_consumer

REPORT_SECONDS = 10


class Command(BaseCommand):
    help = (
        "Reads sessionData and userRecs until it is stopped (Ctrl-C or SIGTERM). Start more to ingest more."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def on_signal(number: int, frame: FrameType | None) -> None:
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)
        consumer = make_consumer()
        consuming.send(sender=None)
        consumer.start()
        self.stdout.write(
            f"Consuming {settings.SESSION_QUEUE} and {settings.RECS_QUEUE},"
            f" {settings.CONSUMER_THREADS} receivers each"
        )
        self.stdout.flush()
        seen, since = 0, time.monotonic()
        while not stop.wait(REPORT_SECONDS):
            counts = consumer.counts()
            total = counts.applied + counts.poison
            if total != seen:
                rate = (total - seen) / (time.monotonic() - since)
                self.stdout.write(f"{rate:.0f} messages/s, {total} in all")
                self.stdout.flush()
            seen, since = total, time.monotonic()
        clean = consumer.stop()
        counts = consumer.counts()
        self.stdout.write(
            f"Stopped{'' if clean else ' with a batch in hand, which will be shown again'}:"
            f" {counts.applied} applied, {counts.poison} put aside, {counts.failed} failed,"
            f" {consumer.requests()} SQS requests"
        )
