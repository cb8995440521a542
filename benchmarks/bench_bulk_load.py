"""Reads after a bulk load: all movies change under running web processes, which refill their movie caches."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.bench_reads import RECOMMENDATIONS, fill_lists
from benchmarks.load import WARM_UP_SECONDS
from benchmarks.measure import Context, Row, Web, cpu_seconds, row

WEB_PROCESSES = 2
SECONDS = 10.0  # from the commit until the cache must be whole
SLICE_SECONDS = 0.7  # of one measurement, after the warm-up of the load generator
QUIET_SLICES = (
    8  # before, and after SECONDS: the best counts, because other work on the machine only lowers it
)
CHANGE_ALL = "UPDATE movies_movie SET title = left(title, 150) || ' II'"
REFILLED = re.compile(r"Refilled the movie cache in ([\d.]+) s")


@dataclass(frozen=True, slots=True)
class Slice:
    """Reads of SLICE_SECONDS."""

    rate: float  # requests/s
    p99: float  # ms
    cpu: float  # us per request, of web server and PostgreSQL


def run(context: Context) -> list[Row]:
    context.seed()
    fill_lists(context)
    log = context.folder / "web.log"
    start = len(log.read_text()) if log.exists() else 0  # after what other benchmarks logged
    with context.web(workers=WEB_PROCESSES, environment={"LOG_LEVEL": "INFO"}) as web:
        before = [_read(context, web) for _ in range(QUIET_SLICES)]
        context.say(f"{context.movies:,} movies change")
        context.sql(CHANGE_ALL)
        committed = time.monotonic()
        beside: list[Slice] = []
        while (passed := time.monotonic() - committed) < SECONDS:
            beside.append(_read(context, web))
            context.say(
                f"{passed:4.1f} s after: {beside[-1].rate:,.0f} requests/s, p99 {beside[-1].p99:.1f} ms"
            )
        after = [_read(context, web) for _ in range(QUIET_SLICES)]
    refills = [float(seconds) for seconds in REFILLED.findall(log.read_text()[start:])]
    if len(refills) < WEB_PROCESSES:
        raise RuntimeError(f"{len(refills)} of {WEB_PROCESSES} processes refilled their movie cache")
    beside = beside[: max(1, round(max(refills)))]  # a slice takes about a second
    about = f"GET recommendations, {WEB_PROCESSES} processes, all of {context.movies:,} movies changed"
    return [
        row(
            f"{about}: requests {SECONDS:.0f} s after",
            _rate(after),
            "1/s",
            baseline=_rate(before),
            goal=">= 0.8",
        ),
        row(
            f"{about}: CPU {SECONDS:.0f} s after",
            _cpu(after),
            "us/request",
            baseline=_cpu(before),
            goal="<= 1.25",
        ),
        row(f"{about}: longest refill", max(refills), "s", goal=f"<= {SECONDS:.0f}"),
        row(
            f"{about}: requests beside the refill",
            median(one.rate for one in beside),
            "1/s",
            baseline=_rate(before),
        ),
        row(
            f"{about}: p99 beside the refill",
            median(one.p99 for one in beside),
            "ms",
            baseline=median(one.p99 for one in before),
        ),
    ]


def _read(context: Context, web: Web) -> Slice:
    start = cpu_seconds(web.pid, web.postgres_pid)
    seen = web.load(RECOMMENDATIONS, numbers=context.users, seconds=SLICE_SECONDS)
    spent = cpu_seconds(web.pid, web.postgres_pid) - start
    rate = seen["requests"] / seen["seconds"]
    return Slice(rate, seen["p99"], 1e6 * spent / (rate * (SLICE_SECONDS + WARM_UP_SECONDS)))


def _rate(slices: Sequence[Slice]) -> float:
    return max(one.rate for one in slices)


def _cpu(slices: Sequence[Slice]) -> float:
    return min(one.cpu for one in slices)
