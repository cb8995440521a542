"""Creates the queues that the service reads and writes, where they are missing."""

from typing import Any

from django.core.management.base import BaseCommand

from movies.outbox import bus


class Command(BaseCommand):
    help = (
        "Creates the missing queues, each with its dead-letter queue, and brings their attributes up to date."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for queue in bus.ensure_queues():
            self.stdout.write(f"{queue.name}: {queue.url} (dead letters: {queue.dead_url})")
