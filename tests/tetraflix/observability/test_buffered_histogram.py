"""Buffered observations reach the histogram's files, also from a process that forked."""

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

buffered_histogram.INTERVAL_SECONDS = 0.05
exposed = Histogram("h", "", ["endpoint"], buckets=(0.1, 1.0), registry=None)
histogram = buffered_histogram.BufferedHistogram(exposed, (0.1, 1.0))
histogram.start()
histogram.observe(("before", 0.5))
if child := os.fork():
    os.waitpid(child, 0)
    sys.exit()  # the parent's observations are written at its exit
histogram.observe(("child", 0.05))
histogram.observe(("child", 7))
written, write = threading.Semaphore(0), histogram.write
histogram.write = lambda: (write(), written.release())
# the first may have begun before; kill -9 then, so that only the thread can have written
os._exit(0 if written.acquire(timeout=10) and written.acquire(timeout=10) else 1)
"""


def test_a_forked_process_writes_its_own_observations_and_none_of_its_parents(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", PROCESS], check=True, env=environment, timeout=30)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(tmp_path))
    samples = {
        (sample.labels["endpoint"], sample.labels.get("le", sample.name)): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }
    assert samples == {
        ("before", "0.1"): 0, ("before", "1.0"): 1, ("before", "+Inf"): 1,
        ("before", "h_count"): 1, ("before", "h_sum"): 0.5,
        ("child", "0.1"): 1, ("child", "1.0"): 1, ("child", "+Inf"): 2,
        ("child", "h_count"): 2, ("child", "h_sum"): 7.05,
    }  # fmt: skip


def test_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram("bounds", "", ["endpoint"], buckets=BOUNDS, registry=None)
    buffered = BufferedHistogram(histogram, BOUNDS)
    for amount in (0.1, 0.10001, 1.0, 1.00001):
        buffered.observe(("a", amount))
    buffered.write()
    buffered.write()
    counts = {
        sample.labels["le"]: sample.value
        for metric in histogram.collect()
        for sample in metric.samples
        if sample.name == "bounds_bucket"
    }
    assert counts == pytest.approx({"0.1": 1, "1.0": 3, "+Inf": 4})


def test_prometheus_client_still_has_the_private_attributes_that_write_uses() -> None:
    changed = "prometheus_client has changed its Histogram: BufferedHistogram.write has to follow."
    child = Histogram("private", "", ["endpoint"], buckets=BOUNDS, registry=None).labels("a")
    child.observe(0.5)
    assert {"_buckets", "_sum"} <= set(vars(child)), changed
    assert [bucket.get() for bucket in child._buckets] == [0, 1, 0], changed  # not cumulative, +Inf last
    assert child._sum.get() == 0.5, changed
    child._buckets[2].inc(3)
    child._sum.inc(9)
    samples = {
        (sample.name, sample.labels.get("le")): sample.value
        for metric in child.collect()
        for sample in metric.samples
    }
    assert samples["private_bucket", "+Inf"] == samples["private_count", None] == 4, changed
    assert samples["private_sum", None] == 9.5, changed
