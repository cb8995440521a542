"""Every figure that Prometheus reads here: registered in one list, so that a misspelt name fails at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tetraflix.observability.buffered_histogram import BufferedHistogram

PREFIX = "tetraflix_"
# A hot read takes half a millisecond, an import minutes: three bounds a decade.
REQUEST_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
TASK_BUCKETS = (0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300)


@dataclass(frozen=True, slots=True)
class Registered:
    """A figure that exists. Histograms are observed in each process and added up at a scrape."""

    name: str
    kind: Literal["histogram", "gauge", "counter"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


REGISTERED = {
    figure.name: figure
    for figure in (
        Registered(
            "http_request_seconds",
            "histogram",
            "From the first middleware to the answer, by endpoint; all web processes together.",
            ("endpoint", "method", "status"),
            REQUEST_BUCKETS,
        ),
        Registered(
            "task_seconds",
            "histogram",
            "Run time of Celery tasks, by how they ended.",
            ("task", "state"),
            TASK_BUCKETS,
        ),
        Registered("up", "gauge", "1 when the part answered this scrape, 0 when not.", ("part",)),
        Registered("movies", "gauge", "Movies in the inventory, hidden ones too (the planner's estimate)."),
        Registered("inventory_version", "gauge", "The id of the last change of the inventory."),
        Registered("popularity_age_seconds", "gauge", "Since the popularity lists were computed."),
        Registered(
            "outbox_changes", "gauge", "Changes that the bus was not sent yet (at most 100,000 counted)."
        ),
        Registered("outbox_lag_seconds", "gauge", "How long the oldest change that was not sent has waited."),
        Registered("beat_age_seconds", "gauge", "Since beat's last heartbeat."),
        Registered(
            "heartbeat_age_seconds",
            "gauge",
            "Since the last heartbeat of beat, the worker, and who receives from each queue.",
            ("name",),
        ),
        Registered(
            "task_waiting_seconds",
            "gauge",
            "Since a scheduled task was sent that is not done yet; no sample for those that are done.",
            ("task",),
        ),
        Registered("queue_messages", "gauge", "Messages waiting or in hand.", ("queue",)),
        Registered("dead_letters", "gauge", "Dead-lettered messages.", ("queue",)),
        Registered("ingest_messages_per_minute", "gauge", "Applied in the last whole minute.", ("queue",)),
        Registered("ingest_events_per_minute", "gauge", "Applied in the last whole minute.", ("queue",)),
        Registered("ingest_views_per_minute", "gauge", "Counted in the last whole minute.", ("queue",)),
        Registered(
            "ingest_skipped_per_minute", "gauge", "About unknown movies, last whole minute.", ("queue",)
        ),
        Registered("ingest_poison_per_minute", "gauge", "Put aside in the last whole minute.", ("queue",)),
        Registered(
            "ingest_lag_seconds", "gauge", "Longest way from sender to commit, last whole minute.", ("queue",)
        ),
    )
}


class UnknownMetric(LookupError):
    """The name is not in REGISTERED."""


def registered(name: str) -> Registered:
    """The figure of this name. Raises UnknownMetric."""
    try:
        return REGISTERED[name]
    except KeyError:
        raise UnknownMetric(f"{name} is not registered in tetraflix/observability/metrics.py") from None


def histogram(name: str) -> Histogram:
    """The registered histogram, for this process to observe. Raises UnknownMetric."""
    figure = registered(name)
    # In no registry: a scrape reads what all processes wrote (prometheus_client's multiprocess mode).
    return Histogram(PREFIX + name, figure.help, figure.labels, buckets=figure.buckets, registry=None)


def family(name: str, samples: Iterable[tuple[Sequence[str], float]]) -> Metric:
    """The registered gauge or counter with its values by labels. Raises UnknownMetric."""
    figure = registered(name)
    kind = GaugeMetricFamily if figure.kind == "gauge" else CounterMetricFamily
    metric = kind(PREFIX + name, figure.help, labels=figure.labels)
    for labels, value in samples:
        metric.add_metric(list(labels), value)
    return metric


http_request_seconds = BufferedHistogram(histogram("http_request_seconds"), REQUEST_BUCKETS)
task_seconds = histogram("task_seconds")
