"""Creates the missing queues, and updates the attributes of all."""

from typing import Any

from django.core.management.base import BaseCommand

from movies.outbox import bus


class Command(BaseCommand):
    help = "Creates the missing queues, each with its dead-letter queue, and updates the attributes of all."

    def handle(self, *args: Any, **options: Any) -> None:
        for queue in bus.ensure_queues():
            self.stdout.write(f"{queue.name}: {queue.url} (dead letters: {queue.dead_url})")
