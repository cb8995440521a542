"""Defines every Prometheus metric in one list, so that a misspelt name fails at once."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from prometheus_client import Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tetraflix.observability import metrics_files
from tetraflix.observability.buffered_histogram import BufferedHistogram

PREFIX = "tetraflix_"
# A hot read takes half a millisecond, an import minutes: three buckets for each power of ten.
REQUEST_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
TASK_BUCKETS = (0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300)


@dataclass(frozen=True, slots=True)
class Registered:
    """The definition of a metric. Each process observes its histograms and counters, and a scrape adds them up."""

    name: str
    kind: Literal["histogram", "gauge", "counter"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


REGISTERED = {
    metric.name: metric
    for metric in (
        Registered(
            "http_request_seconds",
            "histogram",
            "From the first middleware to the response, by endpoint, of all web processes.",
            ("endpoint", "method", "status"),
            REQUEST_BUCKETS,
        ),
        Registered(
            "task_seconds",
            "histogram",
            "Run time of Celery tasks, by final state.",
            ("task", "state"),
            TASK_BUCKETS,
        ),
        Registered(
            "list_reads",
            "counter",
            "First reads of lists: found, logged and lost by all web processes. The rest waits, or its process died.",
            ("state",),
        ),
        Registered("up", "gauge", "1 when the part answered this scrape, 0 when not.", ("part",)),
        Registered("movies", "gauge", "Movies in the inventory, hidden ones too (the planner's estimate)."),
        Registered("inventory_version", "gauge", "The id of the last change of the inventory."),
        Registered("popularity_age_seconds", "gauge", "Since the popularity lists were computed."),
        Registered(
            "outbox_changes",
            "gauge",
            "Changes that are not sent to the bus yet (at most 100,000 are counted).",
        ),
        Registered(
            "outbox_lag_seconds", "gauge", "Age of the oldest change that is not sent to the bus yet."
        ),
        Registered(
            "recommender_users",
            "gauge",
            "Users whose list of our own is to be made again (at most 100,000 are counted).",
        ),
        Registered("recommender_lag_seconds", "gauge", "How long the first of these users has waited."),
        Registered("beat_age_seconds", "gauge", "Since beat's last heartbeat."),
        Registered(
            "heartbeat_age_seconds",
            "gauge",
            "Since the last heartbeat of beat, of the worker, and of the receivers of each queue.",
            ("name",),
        ),
        Registered(
            "task_waiting_seconds",
            "gauge",
            "Since a pending scheduled task was sent; no sample for tasks that are done.",
            ("task",),
        ),
        Registered("queue_messages", "gauge", "Messages waiting or in flight.", ("queue",)),
        Registered("dead_letters", "gauge", "Dead-lettered messages.", ("queue",)),
        Registered("ingest_messages_per_minute", "gauge", "Applied in the last whole minute.", ("queue",)),
        Registered("ingest_events_per_minute", "gauge", "Applied in the last whole minute.", ("queue",)),
        Registered("ingest_views_per_minute", "gauge", "Counted in the last whole minute.", ("queue",)),
        Registered(
            "ingest_skipped_per_minute", "gauge", "About unknown movies, last whole minute.", ("queue",)
        ),
        Registered(
            "ingest_poison_per_minute", "gauge", "Dead-lettered in the last whole minute.", ("queue",)
        ),
        Registered(
            "ingest_lag_seconds",
            "gauge",
            "Longest latency from sending to commit, last whole minute.",
            ("queue",),
        ),
    )
}


class UnknownMetric(LookupError):
    """The name is not in REGISTERED."""


def registered(name: str) -> Registered:
    """The definition of this name. Raises UnknownMetric."""
    try:
        return REGISTERED[name]
    except KeyError:
        raise UnknownMetric(f"{name} is not registered in tetraflix/observability/metrics.py") from None


def histogram(name: str) -> Histogram:
    """A histogram that this process observes, by its registered name. Raises UnknownMetric."""
    metric = registered(name)
    # In no registry: a scrape reads what all processes wrote (prometheus_client's multiprocess mode).
    return Histogram(PREFIX + name, metric.help, metric.labels, buckets=metric.buckets, registry=None)


def counter(name: str) -> Counter:
    """A counter that this process raises, by its registered name. Raises UnknownMetric."""
    metric = registered(name)
    return Counter(PREFIX + name, metric.help, metric.labels, registry=None)


def family(name: str, samples: Iterable[tuple[Sequence[str], float]]) -> Metric:
    """A gauge or counter with its samples (label values, value), by its registered name. Raises UnknownMetric."""
    definition = registered(name)
    kind = GaugeMetricFamily if definition.kind == "gauge" else CounterMetricFamily
    metric = kind(PREFIX + name, definition.help, labels=definition.labels)
    for labels, value in samples:
        metric.add_metric(list(labels), value)
    return metric


metrics_files.install()
http_request_seconds = BufferedHistogram(histogram("http_request_seconds"), REQUEST_BUCKETS)
task_seconds = histogram("task_seconds")
list_reads = counter("list_reads")


def count_list_reads(state: str, number: int) -> None:
    """Raises `list_reads`. A full disk loses the figure, not the reads."""
    with suppress(OSError):
        list_reads.labels(state).inc(number)
