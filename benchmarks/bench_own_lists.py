"""Own lists through the database: a slice of all users, what they cost ingestion, and what they cost a read."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from benchmarks import bench_ingest
from benchmarks.measure import ROOT, Context, Row, Web, clients_apart, least, row

USERS = 50_000
FINISHES = 30  # of each of them, popular movies more often
ALL_USERS = 1_000_000
PROCESSES = 2
INGEST_ROUNDS = 7
STARTS, READ_ROUNDS = 8, 3
APPLICATIONS = ("benchmarks.baseline", "benchmarks.without_own_lists")
FINISHED = f"""
INSERT INTO movies_view (user_id, movie_id, watched_at)
SELECT viewer, 1 + (random() ^ 3 * (SELECT max(id) - 1 FROM movies_movie))::int, now() - random() * interval '60 days'
FROM generate_series(1, {USERS}) AS viewer, generate_series(1, {FINISHES}) ON CONFLICT DO NOTHING
"""
TRIGGER = "ALTER TABLE movies_view {} TRIGGER recommendations_mark_viewers"


def run(context: Context) -> list[Row]:
    context.seed()
    return [*refreshed(context), *ingested(context), *read(context)]


def refreshed(context: Context) -> list[Row]:
    """Lists of USERS users, read, made and written by two processes at once."""
    context.say(f"{USERS:,} users of {FINISHES} finishes, {PROCESSES} processes")
    context.sql(FINISHED)
    context.sql("VACUUM ANALYZE")
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.refresh_marked"],
            cwd=ROOT,
            env=os.environ | context.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    done = [json.loads(worker.communicate()[0]) for worker in workers]
    assert sum(one["lists"] for one in done) >= USERS, done
    rate = sum(one["users"] for one in done) / max(one["seconds"] for one in done)
    cpu = sum(one["cpu"] for one in done) / sum(one["users"] for one in done)
    name = f"own lists of {ALL_USERS:,} users, {PROCESSES} processes, projected from {USERS:,}"
    return [
        row(name, ALL_USERS / rate / 60, "minutes", goal="<= 10"),
        row("own lists: CPU of a process for a user (PostgreSQL's not included)", 1e6 * cpu, "us"),
        row("own lists: peak memory of a process", max(one["peak_mb"] for one in done), "MB"),
    ]


def ingested(context: Context) -> list[Row]:
    """Messages a second with the trigger that marks users, and without it, by turns."""
    rounds = []
    for number in range(INGEST_ROUNDS):
        figures: dict[str, float] = {}
        for action in ("ENABLE", "DISABLE") if number % 2 else ("DISABLE", "ENABLE"):
            context.sql(TRIGGER.format(action))
            bench_ingest.fill(context, seed=5000 + 2 * number + len(figures))
            figures[action] = bench_ingest.consumed().rate
        rounds.append((figures["ENABLE"], figures["DISABLE"]))
    context.sql(TRIGGER.format("ENABLE"))
    # the median of the ratios within a round, because the machine's speed changes more between rounds
    on, off = sorted(rounds, key=lambda figures: figures[0] / figures[1])[len(rounds) // 2]
    return [
        row(
            "ingest that marks users for new lists (without = 1)",
            on,
            "messages/s",
            baseline=off,
            goal=">= 0.95",
        )
    ]


def read(context: Context) -> list[Row]:
    """CPU per read of a user's lists, against the statement of before there were own lists."""
    context.mark_lists_read()
    # by turns which of the two is started and measured first
    figures = [_figures(context, APPLICATIONS[:: 1 if number % 2 else -1]) for number in range(STARTS)]
    # the median of the ratios, because processes of the same code differ by more than what is looked for
    on, off = sorted(
        ([figure[name] for name in APPLICATIONS] for figure in figures), key=lambda pair: pair[0] / pair[1]
    )[STARTS // 2]
    return [
        row("GET recommendations with own lists (without = 1)", on, "us CPU", baseline=off, goal="<= 1.02")
    ]


def _figures(context: Context, applications: Sequence[str]) -> dict[str, float]:
    """CPU per request of a new process of each application."""
    first, second = applications
    with context.web(application=first) as one, context.web(application=second) as other:

        def cpu(web: Web) -> Callable[[], float]:
            path = "/tetraflix/recommendations/{}"
            return lambda: web.cpu_of_a_request(path, numbers=context.users, seconds=context.seconds / 2)

        with clients_apart(one.pid, other.pid, one.postgres_pid):
            return dict(zip(applications, least(READ_ROUNDS, cpu(one), cpu(other)), strict=True))
