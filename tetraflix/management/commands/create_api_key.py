"""`manage.py create_api_key --role R NAME`, or `--roll NAME`: creates an API key and prints it once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from movies.foundation import actors
from movies.foundation.times import written
from tetraflix.access.api_keys import create_key, find_active_keys
from tetraflix.access.rolling import DEFAULT_END, ENDS, CannotRoll, roll_key
from tetraflix.models import ApiKey


class Command(BaseCommand):
    help = "Creates an API key and prints it. Only its hash is stored, so it cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "name", help="its holder; unique among active keys, and shown in the history of changes"
        )
        act = parser.add_mutually_exclusive_group(required=True)
        act.add_argument("--role", choices=ApiKey.Role.values)
        act.add_argument(
            "--roll",
            action="store_true",
            help="replace the key of this name by one of the same role; the old one ends after --keep",
        )
        parser.add_argument(
            "--keep",
            choices=list(ENDS),
            help=f"how long the old key is accepted after --roll; {DEFAULT_END} by default",
        )

    def handle(self, *args: Any, name: str, role: str | None, **options: Any) -> None:
        if role is None:
            row, key = self._roll(name, options["keep"] or DEFAULT_END)
        elif options["keep"]:
            raise CommandError("--keep is for the old key of a --roll.")
        else:
            try:
                row, key = create_key(name=name, role=role, actor=actors.command_actor())
            except ValueError as error:
                raise CommandError(str(error)) from None
        self.stderr.write(
            f"A {row.role} key for {row.name}; revoke it with: manage.py revoke_api_key {row.lookup}"
        )
        self.stdout.write(key)  # the only standard output: KEY=$(manage.py create_api_key ...)

    def _roll(self, name: str, keep: str) -> tuple[ApiKey, str]:
        found = list(find_active_keys(name).filter(ends_at=None))
        if len(found) != 1:
            raise CommandError("No such active key; manage.py list_api_keys lists the keys.")
        (old,) = found
        try:
            made = roll_key(old, keep=ENDS[keep], actor=actors.command_actor())
        except CannotRoll as error:
            raise CommandError(str(error)) from None
        old.refresh_from_db()
        ends = f"is accepted until {written(old.ends_at)}" if old.ends_at else "is refused from now on"
        self.stderr.write(f"The old key ({old.lookup}) {ends}.")
        return made
