"""`manage.py consume`: runs the consumer alone, in the foreground."""

import atexit
import gc
import signal
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from movies.foundation.events import consumer_started
from sessions_ingest.consumer.database_handler import make_consumer

REPORT_SECONDS = 10
SIGNALS = {signal.SIGTERM, signal.SIGINT}


class Command(BaseCommand):
    help = (
        "Consumes sessionData and userRecs until stopped (Ctrl-C or SIGTERM). Start several to ingest faster."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        # Blocked before threads start, which inherit it: then sigtimedwait below receives the signal. A handler
        # would run only when the interpreter allows, after a wait that the signal did not interrupt.
        usual = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            self._consume()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, usual)

    def _consume(self) -> None:
        consumer = make_consumer()
        consumer_started.send(sender=None)
        consumer.start()
        self.stdout.write(
            f"Consuming {settings.SESSION_QUEUE} and {settings.RECS_QUEUE},"
            f" {settings.CONSUMER_THREADS} receivers each"
        )
        self.stdout.flush()
        seen, since = 0, time.monotonic()
        while signal.sigtimedwait(SIGNALS, REPORT_SECONDS) is None:
            counts = consumer.counts()
            total = counts.applied + counts.dead_lettered
            if total != seen:
                rate = (total - seen) / (time.monotonic() - since)
                self.stdout.write(f"{rate:.0f} messages/s, {total} in all")
                self.stdout.flush()
            seen, since = total, time.monotonic()
        clean = consumer.stop()
        # else the interpreter collects all objects at its end: 0.3 s of CPU, seconds on a busy machine
        atexit.register(gc.freeze)
        counts = consumer.counts()
        self.stdout.write(
            f"Stopped{'' if clean else ' with an unfinished batch, which will be redelivered'}:"
            f" {counts.applied} applied, {counts.dead_lettered} dead-lettered, {counts.failed} failed,"
            f" {consumer.requests()} SQS requests"
        )
