"""Sentences for people about a server that is unreachable: which one, where, and what starts it."""

from collections.abc import Iterator

from botocore.exceptions import ConnectionError as SqsConnectionError
from botocore.exceptions import HTTPClientError, NoCredentialsError
from django.conf import settings
from django.db import InterfaceError, OperationalError
from pymongo.errors import ConnectionFailure

from movies.foundation.database_errors import sqlstate


def unreachable(error: BaseException) -> str | None:
    """The sentence for an error caused by an unreachable server; None for any other error."""
    for cause in causes(error):
        if isinstance(cause, NoCredentialsError):
            return (
                "Amazon SQS needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile."
            )
        if isinstance(cause, HTTPClientError | SqsConnectionError):
            return sqs_unreachable()
        if isinstance(cause, ConnectionFailure):
            return "MongoDB, which keeps the user lists, is not reachable: see MONGODB_URL."
        # An error of a statement has a code; that of a connection, refused or lost, has none.
        if isinstance(cause, OperationalError | InterfaceError) and not sqlstate(cause):
            return postgres_unreachable(reason=str(cause))
    return None


def postgres_unreachable(*, reason: str = "") -> str:
    """PostgreSQL is not reachable: its address, the reason, and what to do."""
    where = settings.DATABASES["default"]
    why = f" ({reason.splitlines()[0].rpartition('failed: ')[2]})" if reason.strip() else ""
    hint = "`make run` starts it" if settings.EMBEDDED_POSTGRES else "see DATABASE_URL"
    return f"PostgreSQL at {where['HOST']}:{where['PORT']} is not reachable{why}: {hint}."


def sqs_unreachable() -> str:
    """SQS is not reachable: its address, and what to do."""
    where = settings.SQS_ENDPOINT or f"Amazon, {settings.SQS_REGION}"
    hint = "`make run` starts it" if settings.EMBEDDED_SQS else "see AWS_ENDPOINT_URL_SQS and AWS_REGION"
    return f"SQS at {where} is not reachable: {hint}."


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__
