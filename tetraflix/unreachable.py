"""What to tell people when a server that is needed does not answer: which, where, and what starts it."""

from botocore.exceptions import BotoCoreError, NoCredentialsError
from django.conf import settings
from django.db import connections
from django.db.utils import DEFAULT_DB_ALIAS


def in_one_line(error: Exception) -> str | None:
    """The line for an error of a server that could not be reached; None when it is about something else.

    A statement that the database refused has a code; a connection that it never had, or lost, has none.
    """
    if isinstance(error, NoCredentialsError):
        return "Amazon SQS wants credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile."
    if isinstance(error, BotoCoreError):
        return sqs_line()
    if getattr(error.__cause__, "pgcode", None) is None:
        return database_line(reason=str(error))
    return None


def database_line(*, reason: str = "") -> str:
    """PostgreSQL is not reachable: where it should be, why, and what to do."""
    where = connections[DEFAULT_DB_ALIAS].settings_dict
    why = reason.strip().splitlines()[0].rpartition("failed: ")[2] if reason.strip() else ""
    mend = "`make run` starts it" if settings.EMBEDDED_POSTGRES else "see DATABASE_URL"
    return (
        f"PostgreSQL at {where['HOST']}:{where['PORT']} is not reachable{f' ({why})' if why else ''}: {mend}."
    )


def sqs_line() -> str:
    """SQS is not reachable: where it should be, and what to do."""
    where = settings.SQS_ENDPOINT or f"Amazon, {settings.SQS_REGION}"
    mend = "`make run` starts it" if settings.EMBEDDED_SQS else "see AWS_ENDPOINT_URL_SQS and AWS_REGION"
    return f"SQS at {where} is not reachable: {mend}."
