"""What probes ask: whether this process lives (/healthz), whether the service can work (/readyz)."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from botocore.exceptions import BotoCoreError, ClientError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse

from movies.outbox import bus
from tetraflix.background.heartbeats import ALIVE_SECONDS
from tetraflix.configuration.error_hints import database_line, sqs_line
from tetraflix.health.background_check import Background

KEPT_SECONDS = 1.0  # an answer is kept for: probes of several balancers cost one look
DATABASE_SECONDS = 1  # to connect, and again for each statement


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process answers. Asks nobody: no restart brings back a database that is away."""
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when all that the service needs is there, else 503; the body says in a sentence what is not."""
    problems = looked()
    if problems is None:
        problems = dict.fromkeys(CHECKS, "not known: no look has ended in time")
    checks = {name: problems.get(name, "ok") for name in CHECKS}
    response = JsonResponse({"ready": not problems, "checks": checks}, status=503 if problems else 200)
    response["Cache-Control"] = "no-store"
    return response


CHECKS = ("database", "migrations", "beat", "queue")


def look() -> dict[str, str]:
    """What is wrong now, by check; empty when nothing is. Takes seconds where a server hangs: for a thread."""
    problems: dict[str, str] = {}
    try:
        with _database() as cursor:
            problems |= _migrations(cursor) or _beat(cursor)
    except psycopg2.Error as error:
        problems["database"] = database_line(reason=str(error))
        problems["migrations"] = problems["beat"] = "not known without the database"
    return problems | _queue()


looked = Background(look, every=KEPT_SECONDS)


@contextmanager
def _database() -> Iterator[Any]:
    """A cursor on a connection of its own: the process's may be of before a restart, and wait for long."""
    params = connection.get_connection_params() | {
        "connect_timeout": DATABASE_SECONDS,
        "tcp_user_timeout": DATABASE_SECONDS * 1000,
    }
    own = psycopg2.connect(**params)
    try:
        with own.cursor() as cursor:
            # In the transaction, not in the connection's options: a pooler refuses those.
            cursor.execute(f"SET LOCAL statement_timeout = '{DATABASE_SECONDS}s'")
            yield cursor
    finally:
        own.close()


@functools.cache
def _expected() -> frozenset[tuple[str, str]]:
    # Those on disk do not change while the process lives.
    return frozenset(MigrationLoader(None).disk_migrations)


def _migrations(cursor: Any) -> dict[str, str]:
    cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
    applied: set[tuple[str, str]] = set()
    if cursor.fetchone()[0]:
        cursor.execute("SELECT app, name FROM django_migrations")
        applied = set(cursor.fetchall())
    missing = sorted(".".join(migration) for migration in _expected() - applied)
    if not missing:
        return {}
    sentence = (
        f"not applied: {', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}; run manage.py migrate"
    )
    return {"migrations": sentence, "beat": "not known without the migrations"}


def _beat(cursor: Any) -> dict[str, str]:
    cursor.execute("SELECT extract(epoch FROM now() - at) FROM tetraflix_heartbeat WHERE name = 'beat'")
    row = cursor.fetchone()
    if row and row[0] < ALIVE_SECONDS:
        return {}
    since = f"for {row[0]:.0f} s" if row else "ever"
    return {"beat": f"no sign of life {since}: celery -A tetraflix beat does not run"}


def _queue() -> dict[str, str]:
    missing = []
    for name in bus.domain_queue_names():
        try:
            bus.quick_client().get_queue_url(QueueName=name)
        except ClientError:
            missing.append(name)
        except BotoCoreError:
            return {"queue": sqs_line()}
    return {"queue": f"missing: {', '.join(missing)}; run manage.py ensure_queues"} if missing else {}
