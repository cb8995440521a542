"""The /metrics page: what all processes measured, and the state of the service at the moment of the scrape."""

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

from recommendations.recommender import changed_users
from tetraflix.background import schedule
from tetraflix.health import service_state
from tetraflix.health.service_state import Ingest
from tetraflix.observability.metrics import family, http_request_seconds

# A proxy on this machine makes every remote client look local.
PROXY_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format; 403 for a caller who may not read it (METRICS_TOKEN)."""
    if not may_read(request):
        return HttpResponse("Not allowed: see METRICS_TOKEN.\n", status=403, content_type="text/plain")
    http_request_seconds.write()
    registry = CollectorRegistry()
    MultiProcessCollector(registry, settings.METRICS_DIR)
    registry.register(ServiceStateCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    """Whether the request has METRICS_TOKEN; without that setting, whether it comes directly from this machine."""
    if settings.METRICS_TOKEN:
        given = request.META.get("HTTP_AUTHORIZATION", "")
        return constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}")
    if any(header in request.META for header in PROXY_HEADERS):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


class ServiceStateCollector(Collector):
    """The metrics that no process measures. A part that does not answer is `up 0`; the others are still exposed."""

    def collect(self) -> Iterable[Metric]:
        up = {}
        try:
            yield from database_metrics()
            up["database"] = 1
        except (DatabaseError, InterfaceError):
            connection.close()
            up["database"] = 0
        queues = service_state.queue_depths.get()
        up["queue"] = int(queues is not None)
        yield family("queue_messages", [([name], queue.depth) for name, queue in (queues or {}).items()])
        yield family("dead_letters", [([name], queue.dead) for name, queue in (queues or {}).items()])
        yield family("up", [([part], value) for part, value in up.items()])


def database_metrics() -> Iterator[Metric]:
    """A fixed number of statements, each bounded whatever the size of the tables. Raises DatabaseError."""
    inventory = service_state.inventory()
    ages = service_state.heartbeat_ages()
    outbox = service_state.outbox()
    changed = changed_users.waiting(count_at_most=100_000)
    single = {
        "movies": inventory.movies,
        "inventory_version": inventory.version,
        "popularity_age_seconds": inventory.popularity_age_seconds,
        "beat_age_seconds": ages["beat"],
        "outbox_changes": outbox.changes,
        "outbox_lag_seconds": outbox.lag_seconds,
        "recommender_users": changed.users,
        "recommender_lag_seconds": changed.seconds,
    }
    for name, value in single.items():
        yield family(name, [] if value is None else [((), float(value))])
    yield family("heartbeat_age_seconds", [([name], age) for name, age in ages.items() if age is not None])
    yield family("task_waiting_seconds", [([name], age) for name, age in schedule.pending().items()])
    by_queue = service_state.ingest_of_last_minute()
    for place, count in enumerate(Ingest._fields[:-1]):
        yield family(f"ingest_{count}_per_minute", [([queue], row[place]) for queue, row in by_queue.items()])
    yield family("ingest_lag_seconds", [([queue], row.slowest_ms / 1000) for queue, row in by_queue.items()])
