"""`manage.py status`: shows what runs and where, for people or (`--json`) for programs."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tetraflix.health import status


class Command(BaseCommand):
    help = (
        "Shows what runs, where and how much it holds; exit code 1 when something that should run does not."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs; null for what does not run")

    def handle(self, *args: Any, **options: Any) -> None:
        found = status.collect()
        if options["json"]:
            self.stdout.write(json.dumps(found.values, indent=1))
        else:
            console = Console(soft_wrap=True)
            with console.capture() as written:
                console.print(as_table(found), highlight=False)
            self.stdout.write(written.get(), ending="")
        for line in found.down:
            self.stderr.write(line)
        if found.down:
            sys.exit(1)


def as_table(found: status.Status) -> Table:
    """One row for each value; for a queue its waiting and its dead-lettered messages."""
    table, values = Table.grid(padding=(0, 2)), found.values
    table.add_row("verdict", escape(found.rows["verdict"]))
    for name in ("web", "sqs", "database"):
        table.add_row(name, values[name] or "[red]does not run[/]")
    for name in ("movies", "users", "views"):
        table.add_row(name, "?" if values[name] is None else f"{values[name]:,}")
    for name, queue in values["queues"].items():
        table.add_row(name, f"{queue['depth']:,} waiting, {queue['dead']:,} dead  [dim]{queue['url']}[/]")
    for name, text in found.rows.items():
        if name == "verdict":
            continue
        table.add_row(name, escape(text))
    return table
