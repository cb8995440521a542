"""The probes of load balancers: whether this process is alive (/healthz), whether the service can work (/readyz)."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from tetraflix.background import heartbeats
from tetraflix.configuration import error_hints
from tetraflix.health import service_state
from tetraflix.health.service_state import Readiness

CHECKS = ("database", "migrations", "beat", "queue")


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process answers. Asks no server, because no restart brings an unavailable database back."""
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when everything that the service needs is available, else 503; the body has a sentence for each check."""
    readiness = service_state.readiness.get()
    problems = (
        dict.fromkeys(CHECKS, "unknown: no check has ended in time")
        if readiness is None
        else _problems(readiness)
    )
    checks = {name: problems.get(name, "ok") for name in CHECKS}
    response = JsonResponse({"ready": not problems, "checks": checks}, status=503 if problems else 200)
    response["Cache-Control"] = "no-store"
    return response


def _problems(readiness: Readiness) -> dict[str, str]:
    """A sentence for each check that fails; empty when the service is ready."""
    problems: dict[str, str] = {}
    if readiness.database_error is not None:
        problems["database"] = error_hints.postgres_unreachable(reason=readiness.database_error)
        problems["migrations"] = problems["beat"] = "unknown without the database"
    elif missing := readiness.missing_migrations:
        names = f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}"
        problems["migrations"] = f"not applied: {names}; run manage.py migrate"
        problems["beat"] = "unknown without the migrations"
    elif heartbeats.is_stale(readiness.beat_age):
        since = "ever" if readiness.beat_age is None else f"for {readiness.beat_age:.0f} s"
        problems["beat"] = f"no heartbeat {since}: celery -A tetraflix beat does not run"
    if not readiness.sqs_answers:
        problems["queue"] = error_hints.sqs_unreachable()
    elif readiness.missing_queues:
        problems["queue"] = f"missing: {', '.join(readiness.missing_queues)}; run manage.py ensure_queues"
    return problems
