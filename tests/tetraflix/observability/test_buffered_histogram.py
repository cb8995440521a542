"""What requests tell is in the histogram's files soon, from a process that forked too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from tetraflix.observability.buffered_histogram import BufferedHistogram

BOUNDS = (0.1, 1.0)
PROCESS = """
import os, sys, threading
from prometheus_client import Histogram
from tetraflix.observability import buffered_histogram

buffered_histogram.EVERY_SECONDS = 0.05
exposed = Histogram("h", "", ["endpoint"], buckets=(0.1, 1.0), registry=None)
seen = buffered_histogram.BufferedHistogram(exposed, (0.1, 1.0))
seen.start()
seen.observe(("before", 0.5))
if child := os.fork():
    os.waitpid(child, 0)
    sys.exit()  # what it saw is written at its end
seen.observe(("child", 0.05))
seen.observe(("child", 7))
written, write = threading.Semaphore(0), seen.write
seen.write = lambda: (write(), written.release())
# the first may have begun before; kill -9 then, so that only the thread can have written
os._exit(0 if written.acquire(timeout=10) and written.acquire(timeout=10) else 1)
"""


def test_a_forked_process_writes_its_own_and_none_of_its_parents(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", PROCESS], check=True, env=environment, timeout=30)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(tmp_path))
    told = {
        (sample.labels["endpoint"], sample.labels.get("le", sample.name)): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }
    assert told == {
        ("before", "0.1"): 0, ("before", "1.0"): 1, ("before", "+Inf"): 1,
        ("before", "h_count"): 1, ("before", "h_sum"): 0.5,
        ("child", "0.1"): 1, ("child", "1.0"): 1, ("child", "+Inf"): 2,
        ("child", "h_count"): 2, ("child", "h_sum"): 7.05,
    }  # fmt: skip


def test_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram("bounds", "", ["endpoint"], buckets=BOUNDS, registry=None)
    tallies = BufferedHistogram(histogram, BOUNDS)
    for amount in (0.1, 0.10001, 1.0, 1.00001):
        tallies.observe(("a", amount))
    tallies.write()
    tallies.write()
    counts = {
        sample.labels["le"]: sample.value
        for metric in histogram.collect()
        for sample in metric.samples
        if sample.name == "bounds_bucket"
    }
    assert counts == pytest.approx({"0.1": 1, "1.0": 3, "+Inf": 4})
