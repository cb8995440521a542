"""The first middleware: request ids, request metrics, slow-request logs, security headers of pages, and probes.

It also answers 503 for any view whose database is unavailable. Every line counts, because the hot reads pass it.
"""

import logging
import random
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from tetraflix.health.probes import healthz, readyz
from tetraflix.health.scrape import metrics
from tetraflix.observability.metrics import http_request_seconds
from tetraflix.observability.request_ids import HEADER, accept_or_create, request_id_variable
from tetraflix.web.error_responses import unavailable

logger = logging.getLogger(__name__)

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
# The admin uses Alpine, which compiles expressions in HTML attributes (unsafe-eval).
PAGES = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
ADMIN_PAGES = f"{PAGES}; script-src 'self' 'unsafe-eval'"
ADMIN = "/admin/"
# Answered before all other middleware: load balancers and Prometheus use IP addresses and plain http, which
# ALLOWED_HOSTS and the redirect to https would refuse.
PROBES = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


def observe(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Adds the request id to each response, measures it by endpoint, and logs slow requests."""
    slow = settings.SLOW_REQUEST_MS / 1000
    sample = settings.REQUEST_LOG_SAMPLE
    count = http_request_seconds.observe
    http_request_seconds.start()

    def middleware(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        request_id = accept_or_create(request.META.get("HTTP_X_REQUEST_ID"))
        token = request_id_variable.set(request_id)
        try:
            probe = PROBES.get(request.path)
            response = probe(request) if probe else get_response(request)
            seconds = time.perf_counter() - started
            match = request.resolver_match
            endpoint = match.view_name if match else request.path if probe else "none"
            method = request.method if request.method in METHODS else "other"
            count((endpoint, method, response.status_code, seconds))
            if seconds > slow:
                _log(logging.WARNING, "slow request", request, response, endpoint, seconds)
            elif sample and random.random() < sample:
                _log(logging.INFO, "request", request, response, endpoint, seconds)
        finally:
            request_id_variable.reset(token)
        headers = response.headers
        headers[HEADER] = request_id
        if headers.get("Content-Type", "").startswith("text/html"):
            policy = ADMIN_PAGES if request.path.startswith(ADMIN) else PAGES
            headers.setdefault("Content-Security-Policy", policy)
        return response

    middleware.process_exception = unavailable  # type: ignore[attr-defined]
    return middleware


def _log(
    level: int, event: str, request: HttpRequest, response: HttpResponse, endpoint: str, seconds: float
) -> None:
    logger.log(
        level,
        event,
        extra={
            "method": request.method,
            "path": request.path,  # without the query: a search may be private
            "route": endpoint,
            "status": response.status_code,
            "milliseconds": round(seconds * 1000, 1),
        },
    )
