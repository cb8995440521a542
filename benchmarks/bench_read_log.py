"""The log of lists read: what it costs a hot read, and what a first read costs in all."""

import contextlib
import time
from collections.abc import Callable

import psycopg2

from benchmarks.measure import Context, Row, Web, clients_apart, cpu_seconds, least, row

STARTS, ROUNDS = 8, 3
ON, OFF = {"EXPOSURES_KEPT_DAYS": "90"}, {"EXPOSURES_KEPT_DAYS": "0"}
RECOMMENDATIONS = "/tetraflix/recommendations/{}"
FIRST_READS_SECONDS = 4.0
DRAIN_SECONDS = 60.0
SIZE = """SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('recommendations_listread')"""


def run(context: Context) -> list[Row]:
    context.seed()
    return [hot(context), *first(context)]


def hot(context: Context) -> Row:
    """CPU per read of a list that was read before, with and without the log."""
    context.mark_lists_read()
    context.say(f"hot reads with the log and without it, {STARTS} starts")
    figures = [_figures(context, reverse=bool(number % 2)) for number in range(STARTS)]
    # the median of the ratios, because processes of the same code differ by more than what is looked for
    on, off = sorted(figures, key=lambda pair: pair[0] / pair[1])[STARTS // 2]
    return row(
        "GET recommendations with the log of reads (without = 1)", on, "us CPU", baseline=off, goal="<= 1.03"
    )


def _figures(context: Context, *, reverse: bool) -> tuple[float, float]:
    """CPU per request of a new process with the log and one without; which one is first changes."""
    one, other = (OFF, ON) if reverse else (ON, OFF)
    with context.web(environment=one) as web, context.web(environment=other) as second:

        def cpu(web: Web) -> Callable[[], float]:
            return lambda: web.cpu_of_a_request(
                RECOMMENDATIONS, numbers=context.users, seconds=context.seconds / 2
            )

        with clients_apart(web.pid, second.pid, web.postgres_pid):
            figures = least(ROUNDS, cpu(web), cpu(second))
    return (figures[1], figures[0]) if reverse else (figures[0], figures[1])


def first(context: Context) -> list[Row]:
    """CPU of reads that are nearly all of lists that nobody read before, until they are in the log; its size."""
    context.sql("UPDATE recommendations_userlists SET read_at = NULL")
    context.sql("VACUUM FULL ANALYZE recommendations_userlists")
    context.say("first reads")
    with (
        context.web(environment=ON) as web,
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
