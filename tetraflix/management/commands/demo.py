"""`manage.py demo`: `run` with an inventory, users, live traffic and a staff login."""

from typing import Any

from django.core.management.base import CommandParser

from tetraflix.embedded.stack import Demo, Plan
from tetraflix.management.commands import run


class Command(run.Command):
    help = "Runs everything with generated movies and users, and simulates live traffic until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--movies", type=int, default=300_000, help="movies in the inventory, at least")
        parser.add_argument("--users", type=int, default=100_000, help="users with a list, at least")
        parser.add_argument("--rate", type=float, default=20, help="live sessions a second")
        parser.add_argument(
            "--sister-lists",
            action="store_true",
            help="the simulated Recommendations service sends lists, too",
        )

    def plan(self, **options: Any) -> Plan:
        demo = Demo(options["movies"], options["users"], options["rate"], options["sister_lists"])
        return super().plan(demo=demo)
