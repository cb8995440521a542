"""Both stores of user lists on the same reads and writes: PostgreSQL is the baseline, MongoDB is measured."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from benchmarks.bench_reads import RECOMMENDATIONS, fill_lists
from benchmarks.load import WARM_UP_SECONDS
from benchmarks.measure import Context, Row, Web, cpu_seconds, row
from recommendations.lists import apply_events
from recommendations.stores import named
from recommendations.stores.base import Change, ListStore
from recommendations.stores.mongo import COLLECTION
from recommendations.stores.mongo_client import collection
from recommendations.user_lists import Event
from tests.servers.mongodb import MongoServer

ROUNDS = 3
BATCHES = (10, 100)
LATER = datetime(2030, 1, 1, tzinfo=UTC)  # newer than anything seeded: every write changes something


def run(context: Context) -> list[Row]:
    context.seed()
    fill_lists(context)
    # as a replica set of one would run in production: acknowledged means in the journal
    server = MongoServer(context.folder / "mongodb", durable=True)
    server.start()
    try:
        with _mongodb(server):
            context.say(f"the lists of {context.users:,} users, from PostgreSQL to MongoDB")
            started = time.monotonic()
            call_command("copy_lists", "--from", "postgres", "--to", "mongo")
            rows = [
                row(
                    "copy_lists: PostgreSQL to MongoDB",
                    context.users / (time.monotonic() - started),
                    "users/s",
                )
            ]
            return [*rows, _size(context), *_requests(context, server), *_writes(context)]
    finally:
        server.stop()


@contextmanager
def _mongodb(server: MongoServer) -> Iterator[None]:
    before = settings.MONGODB_URL
    settings.MONGODB_URL = _url(server)
    try:
        yield
    finally:
        settings.MONGODB_URL = before


def _url(server: MongoServer) -> str:
    return urlsplit(server.url)._replace(path="/tetraflix").geturl()


def _size(context: Context) -> Row:
    stats = collection(settings.MONGODB_URL, COLLECTION).database.command("collStats", COLLECTION)
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('recommendations_userlists')")
        (postgres,) = cursor.fetchone()
    return row(
        "a user's lists (20 + 20 movies) on MongoDB's disk, against PostgreSQL's",
        (stats["storageSize"] + stats["totalIndexSize"]) / context.users,
        "bytes/user",
        baseline=postgres / context.users,
    )


def _requests(context: Context, server: MongoServer) -> list[Row]:
    """GET recommendations with each store: CPU of web process, PostgreSQL and MongoDB together, and speed."""
    seen: dict[str, tuple[float, dict[str, float]]] = {}
    for name, url in (("postgres", ""), ("mongo", _url(server))):
        with context.web(environment={"MONGODB_URL": url}) as web:
            pids = (web.pid, web.postgres_pid, server.pid or 0)

            least_cpu = min(_cpu(context, web, *pids) for _ in range(ROUNDS))
            alone = web.load(RECOMMENDATIONS, numbers=context.users, connections=1, seconds=context.seconds)
            seen[name] = (least_cpu, alone)
    (postgres, postgres_alone), (mongo, mongo_alone) = seen["postgres"], seen["mongo"]
    about = "GET recommendations from MongoDB, against PostgreSQL"
    return [
        row(f"{about}: CPU", mongo, "us/request", baseline=postgres),
        row(f"{about}: p50, 1 connection", mongo_alone["p50"], "ms", baseline=postgres_alone["p50"]),
        row(f"{about}: p99, 1 connection", mongo_alone["p99"], "ms", baseline=postgres_alone["p99"]),
    ]


def _cpu(context: Context, web: Web, *pids: int) -> float:
    start = cpu_seconds(*pids)
    load = web.load(RECOMMENDATIONS, numbers=context.users, seconds=context.seconds)
    # the warm-up is in the CPU time and not in the count
    share = load["seconds"] / (load["seconds"] + WARM_UP_SECONDS)
    return float(1e6 * (cpu_seconds(*pids) - start) * share / load["requests"])


def _writes(context: Context) -> list[Row]:
    """`update` of batches of random users, each with a movie begun; one writer."""
    rows = []
    for size in BATCHES:
        mongo, postgres = (
            max(_users_a_second(context, named(name), size) for _ in range(ROUNDS))
            for name in ("mongo", "postgres")
        )
        rows.append(
            row(
                f"writing to MongoDB, batches of {size} users, against PostgreSQL",
                mongo,
                "users/s",
                baseline=postgres,
            )
        )
    connection.close()
    return rows


def _users_a_second(context: Context, store: ListStore, size: int) -> float:
    draw = random.Random()
    done, started = 0, time.monotonic()
    while time.monotonic() < started + context.seconds:
        store.update({draw.randint(1, context.users): _begun(draw) for _ in range(size)})
        done += size
    return done / (time.monotonic() - started)


def _begun(draw: random.Random) -> Change:
    at = LATER + timedelta(seconds=time.monotonic())
    event = Event(draw.randint(1, 1000), draw.random() * 0.9, at, finished=False, reported_at=at)
    return partial(apply_events, events=[event])
