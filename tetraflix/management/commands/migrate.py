"""`manage.py migrate`: Django's command, after a check that the database meets the requirements."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from tetraflix.configuration import database_requirements


class Command(migrate.Command):
    """Creates nothing in a database that does not meet the requirements, and prints what is needed."""

    def check(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with a line for each problem, where a system check would add much other output."""
        databases = options.get("databases") or ()
        problems = [line for alias in databases for line in database_requirements.missing(connections[alias])]
        if problems:
            raise CommandError("\n".join(problems))
        super().check(*args, **options)
