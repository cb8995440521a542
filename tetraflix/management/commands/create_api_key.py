"""`manage.py create_api_key --role R NAME`: creates an API key and prints it once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from movies.foundation import actors
from tetraflix.access.api_keys import create_key
from tetraflix.models import ApiKey


class Command(BaseCommand):
    help = "Creates an API key and prints it. Only its hash is stored, so it cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "name", help="its holder; unique among active keys, and shown in the history of changes"
        )
        parser.add_argument("--role", required=True, choices=ApiKey.Role.values)

    def handle(self, *args: Any, name: str, role: str, **options: Any) -> None:
        try:
            row, key = create_key(name=name, role=role, actor=actors.command_actor())
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stderr.write(
            f"A {role} key for {row.name}; revoke it with: manage.py revoke_api_key {row.lookup}"
        )
        self.stdout.write(key)  # the only standard output: KEY=$(manage.py create_api_key ...)
