"""How cost grows with users: the same reads and writes at three numbers of users, in a database of its own."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
from django.db import connection

from benchmarks.bench_reads import RECOMMENDATIONS
from benchmarks.measure import ROOT, Context, Row, row
from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch
from sessions_ingest.messages import Session, parse_session

NAME = "scale"
SIZES = tuple(int(size) for size in os.environ.get("BENCH_SCALE", "100000 300000 1000000").split())
MOVIES = 30_000
BATCH = 100  # messages in one transaction, 2 events each
START = datetime(2026, 1, 1, tzinfo=UTC)


def run(context: Context) -> list[Row]:
    """At each size: bytes a row with indexes, CPU and rate of a read, events applied a second."""
    context.sql(f"CREATE DATABASE {NAME}")
    url = f"{context.postgres.url.rpartition('/')[0]}/{NAME}"
    try:
        _manage(context, url, "migrate", "--verbosity", "0")
        _manage(context, url, "seed_movies", "--movies", str(MOVIES))
        rows: list[Row] = []
        for users in SIZES:
            _manage(context, url, "seed_users", "--users", str(users))
            _sql(url, "VACUUM ANALYZE")
            _sql(url, "CHECKPOINT")
            rows += _at(context, url, users)
        return rows
    finally:
        context.sql(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


def _at(context: Context, url: str, users: int) -> list[Row]:
    context.say(f"{users:,} users")
    about = f"{users:,} users"
    with context.web(environment={"DATABASE_URL": url}) as web:
        cpu = min(
            web.cpu_of_a_request(RECOMMENDATIONS, numbers=users, seconds=context.seconds) for _ in range(3)
        )
        seen = web.load(RECOMMENDATIONS, numbers=users, seconds=context.seconds)
    rows = [
        row(f"{about}: user lists", _size(url, "recommendations_userlists") / users, "bytes/user"),
        row(f"{about}: GET recommendations, CPU", cpu, "us/request"),
        row(f"{about}: GET recommendations, 1 process", seen["requests"] / seen["seconds"], "1/s"),
    ]
    with _connected(url):
        events, seconds = _apply(context, users)
    size = sum(_size(url, table) for table in _partitions(url))
    kept = int(_sql(url, "SELECT count(*) FROM movies_view"))
    return [
        *rows,
        row(f"{about}: events applied, 1 process, batches of {BATCH} messages", events / seconds, "1/s"),
        row(f"{about}: views", size / max(kept, 1), "bytes/view"),
    ]


def _apply(context: Context, users: int) -> tuple[int, float]:
    draw = random.Random()
    done = 0
    started = time.monotonic()
    while time.monotonic() < started + 2 * context.seconds:
        (outcome,) = apply([Batch("sessionData", [_session(draw, users) for _ in range(BATCH)])])
        done += outcome.events
    return done, time.monotonic() - started


def _session(draw: random.Random, users: int) -> Session:
    at = START + timedelta(seconds=draw.randrange(300 * 24 * 3600))
    progress = (1, round(draw.uniform(0.05, 0.95), 2))
    events = ",".join(
        f'{{"movie":{{"id":{draw.randint(1, MOVIES)}}},"progress":{share}}}' for share in progress
    )
    return parse_session(f'{{"userId":{draw.randint(1, users)},"events":[{events}]}}', at)


@contextmanager
def _connected(url: str) -> Iterator[None]:
    """Django of this process uses that database."""
    connection.close()
    before = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = url.rpartition("/")[2]
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def _manage(context: Context, url: str, *words: str) -> None:
    context.say(f"manage.py {' '.join(words)} ({NAME})")
    subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**os.environ, **context.environment(), "DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _size(url: str, table: str) -> int:
    return int(_sql(url, f"SELECT pg_total_relation_size('{table}')"))


def _partitions(url: str) -> list[str]:
    parts = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'movies_view'::regclass"
    return str(_sql(url, f"SELECT string_agg(name, ',') FROM ({parts}) AS part (name)")).split(",")


def _sql(url: str, statement: str) -> Any:
    raw = psycopg2.connect(url)
    raw.autocommit = True
    try:
        with raw.cursor() as cursor:
            cursor.execute(statement)
            found = cursor.fetchone() if cursor.description else None
            return found[0] if found else None
    finally:
        raw.close()
