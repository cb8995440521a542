"""Reads after a bulk load: all movies change under running web processes, which refill their movie caches."""

import itertools
import re
import time

from benchmarks.bench_reads import RECOMMENDATIONS, fill_lists
from benchmarks.measure import Context, Row, Web, row

WEB_PROCESSES = 2
SECONDS = 10.0  # from the commit until the cache must be whole
SLICE_SECONDS = 0.7  # of a measurement beside the refill; the load generator adds its warm-up of 0.3 s
QUIET_SLICES = 5
CHANGE_ALL = "UPDATE movies_movie SET title = left(title, 150) || ' II'"
REFILLED = re.compile(r"Refilled the movie cache in ([\d.]+) s")


def run(context: Context) -> list[Row]:
    context.seed()
    fill_lists(context)
    with context.web(workers=WEB_PROCESSES, environment={"LOG_LEVEL": "INFO"}) as web:
        before = [_load(context, web) for _ in range(QUIET_SLICES)]
        context.say(f"{context.movies:,} movies change")
        context.sql(CHANGE_ALL)
        committed = time.monotonic()
        beside = []
        while time.monotonic() - committed < SECONDS:
            beside.append(_load(context, web))
            context.say(
                f"{time.monotonic() - committed:4.1f} s after the bulk load:"
                f" {beside[-1]['requests'] / beside[-1]['seconds']:,.0f} requests/s, p99 {beside[-1]['p99']:.1f} ms"
            )
        after = [_load(context, web) for _ in range(QUIET_SLICES)]
    refills = [float(seconds) for seconds in REFILLED.findall((context.folder / "web.log").read_text())]
    if len(refills) < WEB_PROCESSES:
        raise RuntimeError(f"{len(refills)} of {WEB_PROCESSES} processes refilled their movie cache")
    about = f"GET recommendations, {WEB_PROCESSES} processes, bulk load of {context.movies:,} movies"
    return [
        row(
            f"{about}: requests {SECONDS:.0f} s after",
            _rate(after),
            "1/s",
            baseline=_rate(before),
            goal=">= 0.8",
        ),
        row(f"{about}: requests in the first second", _rate(beside[:1]), "1/s", baseline=_rate(before)),
        row(f"{about}: longest refill", max(refills), "s", goal=f"<= {SECONDS:.0f}"),
        row(f"{about}: p99 beside the refill", _p99(beside, max(refills)), "ms", baseline=_p99(before)),
    ]


def _load(context: Context, web: Web) -> dict[str, float]:
    return web.load(RECOMMENDATIONS, numbers=context.users, seconds=SLICE_SECONDS)


def _rate(slices: list[dict[str, float]]) -> float:
    return sum(one["requests"] for one in slices) / sum(one["seconds"] for one in slices)


def _p99(slices: list[dict[str, float]], seconds: float = float("inf")) -> float:
    """The median of the slices' p99, of those that began within so many seconds."""
    within = itertools.islice(slices, max(1, int(min(seconds, len(slices)))))
    figures = sorted(one["p99"] for one in within)
    return figures[len(figures) // 2]
