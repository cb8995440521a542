"""The state of the service itself: all that is asked of database and queues about it. Other modules present it.

Questions to PostgreSQL run on the caller's connection, are not cached, and raise DatabaseError or InterfaceError.
`readiness` and `queue_depths` are refreshed by a background thread: their `get()` never waits long, and is None
when nothing is known. `user_count` is cached in each process and is None while its store is unavailable.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg2
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from movies.foundation import retries
from movies.outbox import bus, publisher
from recommendations import stores
from recommendations.stores.base import StoreUnavailable
from tetraflix.background import heartbeats, schedule
from tetraflix.health.background_cache import BackgroundCache

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

READINESS_SECONDS = 1.0  # probes of several load balancers share one check
QUEUE_DEPTHS_SECONDS = 3.0  # each refresh is a paid request for each queue
USER_COUNT_SECONDS = 60.0  # a store counts its users one by one
USER_COUNT_KEY = "tetraflix.user_count"
PROBE_TIMEOUT_SECONDS = 1  # of a readiness check: to connect to the database, and again for each statement


# -- Work in the background ------------------------------------------------------------------------


AGES = (
    "SELECT name, extract(epoch FROM now() - at)::float8 AS age FROM tetraflix_heartbeat WHERE name = ANY(%s)"
)
BACKGROUND = f"""
SELECT 'heartbeat', name, age, NULL FROM ({AGES}) AS ages
UNION ALL SELECT 'pending', name, age, NULL FROM ({schedule.PENDING}) AS pending
UNION ALL SELECT 'failing', name, NULL, sentence FROM ({retries.FAILING}) AS failing
"""  # noqa: S608 -- constants


def heartbeat_ages() -> dict[str, float | None]:
    """Seconds since the last heartbeat of each process that is expected to run; None where there never was one."""
    names = [process.name for process in heartbeats.expected()]
    with connection.cursor() as cursor:
        cursor.execute(AGES, [names])
        found = dict(cursor.fetchall())
    return {name: found.get(name) for name in names}


class Background(NamedTuple):
    """What heartbeat_ages(), schedule.pending() and retries.failing_work() return."""

    heartbeat_ages: dict[str, float | None]
    pending: dict[str, float]
    failing: dict[str, str]


def background() -> Background:
    """All three in one statement, for a page that is polled."""
    names = [process.name for process in heartbeats.expected()]
    found = Background(dict.fromkeys(names), {}, {})
    with connection.cursor() as cursor:
        cursor.execute(BACKGROUND, [names])
        for kind, name, age, sentence in cursor.fetchall():
            if kind == "heartbeat":
                found.heartbeat_ages[name] = age
            elif kind == "pending":
                found.pending[name] = age
            else:
                found.failing[name] = sentence
    return found


# -- Inventory, popularity, outbox, ingest -----------------------------------------------------------


class Inventory(NamedTuple):
    """Estimated number of movies, id of the last change, and age of the oldest popularity list."""

    movies: float
    version: int
    popularity_age_seconds: float | None


def inventory() -> Inventory:
    """In constant time, whatever the size of the inventory."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = 'movies_movie'::regclass),
                   (SELECT version FROM movies_inventory),
                   (SELECT extract(epoch FROM now() - min(refreshed_at))::float8 FROM movies_popularlist)
            """
        )
        return Inventory(*cursor.fetchone())


class Outbox(NamedTuple):
    """Changes that are not sent to the bus yet, and how long the oldest has waited (0 when there is none)."""

    changes: int
    lag_seconds: float


def outbox(*, count_at_most: int = 100_000) -> Outbox:
    """`count_at_most` bounds the count and the time that it takes; the lag is right with 1."""
    return Outbox(*publisher.outbox_lag(at_most=count_at_most))


class Feed(NamedTuple):
    """The outbox lag, the changes sent in the last whole minute, and the age of one of the latest sent changes."""

    lag_seconds: float
    sent_last_minute: int
    age_seconds: float | None


def feed(unread: int) -> Feed:
    """The age is that of the oldest of so many unread changes, of at most publisher.COUNTED."""
    return Feed(*publisher.feed_state(min(max(unread, 1), publisher.COUNTED)))


class Ingest(NamedTuple):
    """What was applied from one queue within one minute; `slowest_ms` is the greatest ingest latency."""

    messages: int
    events: int
    views: int
    skipped: int
    poison: int
    slowest_ms: int


INGEST = f"SELECT minute, queue, {', '.join(Ingest._fields)} FROM sessions_ingest_ingestminute"  # noqa: S608 -- constants


def ingest_of_last_minute() -> dict[str, Ingest]:
    """By queue, for the last whole minute of the database's clock; zeros for a queue without messages."""
    with connection.cursor() as cursor:
        cursor.execute(f"{INGEST} WHERE minute = date_trunc('minute', now()) - interval '1 minute'")
        rows = cursor.fetchall()
    silent = Ingest(*(0,) * len(Ingest._fields))
    by_queue = dict.fromkeys((settings.SESSION_QUEUE, settings.RECS_QUEUE), silent)
    return by_queue | {queue: Ingest(*values) for _, queue, *values in rows}


def ingest_after(start: datetime) -> list[tuple[datetime, str, Ingest]]:
    """Each later minute with messages, its queue, and what was applied; in the order of minutes."""
    with connection.cursor() as cursor:
        cursor.execute(f"{INGEST} WHERE minute > %s ORDER BY minute", [start])
        return [(minute, queue, Ingest(*values)) for minute, queue, *values in cursor.fetchall()]


def slowest_ingest_seconds() -> float | None:
    """The greatest ingest latency of this minute and the last one; None when nothing was applied."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(slowest_ms) / 1000.0::float8 FROM sessions_ingest_ingestminute"
            " WHERE minute >= date_trunc('minute', now()) - interval '1 minute'"
        )
        return cursor.fetchone()[0]


def user_count() -> int | None:
    """Users with a list, at most USER_COUNT_SECONDS old; None while the store is unavailable."""
    try:
        return cache.get_or_set(USER_COUNT_KEY, stores.current().count, USER_COUNT_SECONDS)
    except StoreUnavailable:
        return None


# -- Queues ------------------------------------------------------------------------------------------


class QueueState(NamedTuple):
    """A queue and its dead-letter queue, with the messages (waiting or in flight) in each."""

    url: str
    depth: int
    dead_url: str
    dead: int


def read_queues(sqs: "SQSClient") -> Iterator[tuple[str, QueueState | ClientError]]:
    """Each queue by name, or the error about it (a queue that is missing). Raises BotoCoreError without SQS."""
    for name in bus.queue_names():
        try:
            urls = [
                sqs.get_queue_url(QueueName=one)["QueueUrl"]
                for one in (name, bus.dead_letter_queue_name(name))
            ]
            depths = [_depth(sqs, url) for url in urls]
        except ClientError as error:
            yield name, error
        else:
            yield name, QueueState(urls[0], depths[0], urls[1], depths[1])


def _depth(sqs: "SQSClient", url: str) -> int:
    attributes = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return sum(int(number) for number in attributes.values())


def _queue_depths() -> dict[str, QueueState] | None:
    found: dict[str, QueueState] = {}
    try:
        for name, queue in read_queues(bus.quick_client()):
            if isinstance(queue, ClientError):
                return None
            found[name] = queue
    except BotoCoreError:
        return None
    return found


# By queue name; None when SQS does not answer, or when a queue is missing.
queue_depths = BackgroundCache(_queue_depths, keep_seconds=QUEUE_DEPTHS_SECONDS)


# -- Readiness ---------------------------------------------------------------------------------------


class Readiness(NamedTuple):
    """What requests need. Migrations are unknown without the database."""

    database_error: str | None
    missing_migrations: list[str]


def check_readiness() -> Readiness:
    """The state now. Takes seconds while the server hangs, so it is for a background thread."""
    try:
        with _own_cursor() as cursor:
            return Readiness(None, _missing_migrations(cursor))
    except psycopg2.Error as error:
        return Readiness(str(error), [])


readiness = BackgroundCache(check_readiness, keep_seconds=READINESS_SECONDS)


@contextmanager
def _own_cursor() -> Iterator[Any]:
    """A cursor on a new connection: the process's own may date from before a restart, and wait for long."""
    params = connection.get_connection_params() | {
        "connect_timeout": PROBE_TIMEOUT_SECONDS,
        "tcp_user_timeout": PROBE_TIMEOUT_SECONDS * 1000,
    }
    own = psycopg2.connect(**params)
    try:
        with own.cursor() as cursor:
            # In the transaction, not in the connection's options: a pooler refuses those.
            cursor.execute(f"SET LOCAL statement_timeout = '{PROBE_TIMEOUT_SECONDS}s'")
            yield cursor
    finally:
        own.close()


@functools.cache
def _migrations_on_disk() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)


def _missing_migrations(cursor: Any) -> list[str]:
    cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
    applied: set[tuple[str, str]] = set()
    if cursor.fetchone()[0]:
        cursor.execute("SELECT app, name FROM django_migrations")
        applied = set(cursor.fetchall())
    return sorted(".".join(migration) for migration in _migrations_on_disk() - applied)


def forget() -> None:
    """Nothing is cached any more: servers or settings are others now."""
    readiness.clear()
    queue_depths.clear()
    cache.delete(USER_COUNT_KEY)
