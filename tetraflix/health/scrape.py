"""/metrics: what all processes observed, and what database and queues say at the moment of the scrape."""

import ipaddress
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from movies.outbox import publisher
from sessions_ingest.models import IngestMinute
from tetraflix.background import heartbeats, schedule
from tetraflix.health.queue_depths import queue_sizes
from tetraflix.observability.metrics import family, http_request_seconds

# A proxy on this machine would make every stranger look like a neighbour.
PROXIED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format. 403 for whoever may not read it (METRICS_TOKEN)."""
    if not may_read(request):
        return HttpResponse("See METRICS_TOKEN.\n", status=403, content_type="text/plain")
    http_request_seconds.write()
    registry = CollectorRegistry()
    MultiProcessCollector(registry, settings.METRICS_DIR)
    registry.register(Gathered())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    """With METRICS_TOKEN its bearer; without, whoever asks from this machine and through no proxy."""
    if settings.METRICS_TOKEN:
        given = request.META.get("HTTP_AUTHORIZATION", "")
        return constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}")
    if any(header in request.META for header in PROXIED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


class Gathered(Collector):
    """The figures that no process holds. A part that is away is `up 0`, and the rest is still told."""

    def collect(self) -> Iterable[Metric]:
        up = {}
        try:
            yield from _from_database()
            up["database"] = 1
        except (DatabaseError, InterfaceError):
            connection.close()
            up["database"] = 0
        sizes = queue_sizes()
        up["queue"] = int(sizes is not None)
        yield family("queue_messages", [([name], size.depth) for name, size in (sizes or {}).items()])
        yield family("dead_letters", [([name], size.dead) for name, size in (sizes or {}).items()])
        yield family("up", [([part], value) for part, value in up.items()])


def _from_database() -> Iterator[Metric]:
    """A fixed number of statements, each bounded whatever the size of the tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = 'movies_movie'::regclass),
                   (SELECT version FROM movies_inventory),
                   (SELECT extract(epoch FROM now() - min(refreshed_at)) FROM movies_popularlist),
                   (SELECT extract(epoch FROM now() - at) FROM tetraflix_heartbeat WHERE name = 'beat')
            """
        )
        names = ("movies", "inventory_version", "popularity_age_seconds", "beat_age_seconds")
        for name, value in zip(names, cursor.fetchone(), strict=True):
            yield family(name, [] if value is None else [((), float(value))])
        ages = heartbeats.ages(one.name for one in heartbeats.watched())
        yield family(
            "heartbeat_age_seconds", [([name], age) for name, age in ages.items() if age is not None]
        )
        late = schedule.waiting()
        yield family("task_waiting_seconds", [([name], seconds) for name, seconds in late.items()])
        count, age = publisher.outbox_lag()
        yield family("outbox_changes", [((), count)])
        yield family("outbox_lag_seconds", [((), age)])
        columns = ("messages", "events", "views", "skipped", "poison", "slowest_ms")
        cursor.execute(
            f"SELECT queue, {', '.join(columns)} FROM {IngestMinute._meta.db_table}"  # noqa: S608  (names of ours)
            " WHERE minute = date_trunc('minute', now()) - interval '1 minute'"
        )
        rows = cursor.fetchall()
    # A quiet minute has no row: that is a zero, not an absence.
    by_queue = dict.fromkeys((settings.SESSION_QUEUE, settings.RECS_QUEUE), (0,) * len(columns))
    by_queue |= {queue: values for queue, *values in rows}
    for place, column in enumerate(columns[:-1]):
        yield family(
            f"ingest_{column}_per_minute", [([queue], values[place]) for queue, values in by_queue.items()]
        )
    yield family("ingest_lag_seconds", [([queue], values[-1] / 1000) for queue, values in by_queue.items()])
