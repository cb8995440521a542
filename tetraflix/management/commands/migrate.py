"""`manage.py migrate`: Django's own, which first asks whether the database can serve at all."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from tetraflix.configuration import database_requirements


class Command(migrate.Command):
    """Where the database cannot serve, nothing is made in it, and a line says what is needed."""

    def check(self, *args: Any, **options: Any) -> None:
        """Raises CommandError: the same as a system check would fill a screen with what else Django has to say."""
        databases = options.get("databases") or ()
        problems = [line for alias in databases for line in database_requirements.missing(connections[alias])]
        if problems:
            raise CommandError("\n".join(problems))
        super().check(*args, **options)
