"""The log of lists read: what it costs a hot read, and what a first read costs in all."""

import contextlib
import os
import random
import time

import psycopg2
from django.db import connection

from benchmarks.measure import Context, Row, clients_apart, cpu_seconds, row
from movies.catalog.movie_cache import movie_cache
from recommendations.list_reads import first_read_subscribers
from recommendations.services import lists_for

TURNS, READS = 60, 1_000
RECOMMENDATIONS = "/tetraflix/recommendations/{}"
FIRST_READS_SECONDS = 4.0
DRAIN_SECONDS = 60.0
SIZE = """SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('recommendations_listread')"""


def run(context: Context) -> list[Row]:
    context.seed()
    return [hot(context), *first(context)]


def hot(context: Context) -> Row:
    """CPU of this process and of PostgreSQL for a read of a list that was read before, with and without the log.

    By calls and without a web server, because its processes of the same code differ by more than what is looked for.
    """
    context.mark_lists_read()
    context.say(f"hot reads with the log and without it, {TURNS} times {READS:,} of each")
    movie_cache.load()  # as a web process does at its start
    pids = os.getpid(), connection.connection.get_backend_pid()
    subscribers = {"on": [lambda read: None], "off": []}
    seconds = dict.fromkeys(subscribers, 0.0)
    users = random.Random(1)
    for turn in range(1 + TURNS):  # the first one warms up
        for name in sorted(subscribers, reverse=bool(turn % 2)):
            first_read_subscribers[:] = subscribers[name]
            began = cpu_seconds(*pids)
            for _ in range(READS):
                lists_for(users.randint(1, context.users))
            if turn:
                seconds[name] += cpu_seconds(*pids) - began
    on, off = (1e6 * seconds[name] / TURNS / READS for name in ("on", "off"))
    first_read_subscribers.clear()
    name = "a hot read, called, with the log of reads (without = 1)"
    return row(name, on, "us CPU", baseline=off, goal="<= 1.03")


def first(context: Context) -> list[Row]:
    """CPU of reads that are nearly all of lists that nobody read before, until they are in the log; its size."""
    context.sql("UPDATE recommendations_userlists SET read_at = NULL")
    context.sql("VACUUM FULL ANALYZE recommendations_userlists")
    context.say("first reads")
    with (
        context.web() as web,
        contextlib.closing(psycopg2.connect(context.postgres.url)) as link,
        clients_apart(web.pid, web.postgres_pid),
    ):
        link.autocommit = True
        cursor = link.cursor()

        def number(statement: str) -> int:
            cursor.execute(statement)
            return int((cursor.fetchone() or (0,))[0])

        began = cpu_seconds(web.pid, web.postgres_pid)
        web.load(RECOMMENDATIONS, numbers=context.users, seconds=FIRST_READS_SECONDS)
        deadline = time.monotonic() + DRAIN_SECONDS
        logged, before = number("SELECT count(*) FROM recommendations_listread"), -1
        while logged != before and time.monotonic() < deadline:  # two rounds of the writer without a new one
            time.sleep(3)
            before, logged = logged, number("SELECT count(*) FROM recommendations_listread")
        spent = cpu_seconds(web.pid, web.postgres_pid) - began
        size = number(SIZE)
    assert logged, "no read was logged"
    return [
        row("a first read of a list, with its log", 1e6 * spent / logged, "us CPU"),
        row("log of reads: size of one", size / logged, "bytes"),
    ]
