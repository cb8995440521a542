"""`manage.py revoke_api_key NAME`: revokes the key with this name or look-up part."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from movies.foundation import actors
from tetraflix.access.api_keys import find_active_keys, revoke_keys


class Command(BaseCommand):
    help = "Revokes an API key; it is refused from the next request on, in every process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "name", help="the key's name, its look-up part (tfd_<this>_...) or the key itself"
        )

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        keys = find_active_keys(name)
        found = [str(key) for key in keys]
        if not found:
            raise CommandError("No such active key; manage.py list_api_keys lists the keys.")
        if len(found) > 1:  # the halves of a roll, or the name of one is the look-up part of another
            raise CommandError(
                f"Several keys match: {', '.join(found)}. Give a look-up part (in brackets) or the key itself."
            )
        revoke_keys(keys, actor=actors.command_actor())
        self.stdout.write(f"Revoked: {found[0]}")
