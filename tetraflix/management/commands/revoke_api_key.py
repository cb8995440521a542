"""`manage.py revoke_api_key NAME`: the key of this name or look-up part opens nothing any more."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tetraflix.keys import named, revoke_keys


class Command(BaseCommand):
    help = "Revokes an API key; it is refused from the next request on, in every process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "name", help="the key's name, its look-up part (tfd_<this>_...) or the key itself"
        )
        parser.add_argument(
            "--all", action="store_true", help="every key of this name, where there are several"
        )

    def handle(self, *args: Any, name: str, all: bool, **options: Any) -> None:
        keys = named(name)
        found = [str(key) for key in keys]
        if not found:
            raise CommandError("No such living key; manage.py list_api_keys shows them.")
        if len(found) > 1 and not all:
            raise CommandError(
                f"{len(found)} keys have this name: {', '.join(found)}. Give a look-up part, or --all."
            )
        revoke_keys(keys)
        self.stdout.write(f"Revoked: {', '.join(found)}")
