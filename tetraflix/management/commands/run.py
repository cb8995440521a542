"""`manage.py run`: runs the whole service in the foreground, with embedded servers where no others are configured."""

import ctypes
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from tetraflix.configuration import database_requirements
from tetraflix.embedded import stack
from tetraflix.embedded.processes import PR_SET_PDEATHSIG


class Command(BaseCommand):
    help = "Runs everything (PostgreSQL and SQS, unless addresses are given; web, worker, beat) until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--follow-parent",
            action="store_true",
            help="stop when the parent process ends (otherwise it would outlive a make that is killed)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["follow_parent"]:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if not settings.EMBEDDED_POSTGRES:
            self.refuse_unfit_database()
        try:
            code = stack.run(self.plan(**options), stack.main_console())
        except stack.CannotStartError as error:
            raise CommandError(str(error)) from None
        sys.exit(code)

    def refuse_unfit_database(self) -> None:
        """Raises CommandError for an unfit database, and OperationalError for an unreachable one."""
        try:
            problems = database_requirements.missing(connection)
        finally:
            connection.close()
        if problems:
            raise CommandError("\n".join(problems))

    def plan(self, *, demo: stack.Demo | None = None, **options: Any) -> stack.Plan:
        """The plan that the settings describe."""
        return stack.Plan(
            var_dir=settings.VAR_DIR,
            base_dir=settings.BASE_DIR,
            port=settings.PORT,
            web_workers=settings.WEB_WORKERS,
            database_url=None if settings.EMBEDDED_POSTGRES else settings.DATABASE_URL,
            sqs_url=None if settings.EMBEDDED_SQS else settings.SQS_ENDPOINT,
            embedded_sqs=settings.EMBEDDED_SQS,
            extra_addresses={
                "region": settings.SQS_REGION,
                "mongodb": settings.MONGODB_URL,
                "elasticsearch": settings.ELASTICSEARCH_URL,
            },
            demo=demo,
        )
