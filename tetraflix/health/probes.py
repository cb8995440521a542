"""The probes of load balancers: whether this process is alive (/healthz), whether it can serve requests (/readyz)."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from tetraflix.configuration import error_hints
from tetraflix.health import service_state
from tetraflix.health.service_state import Readiness

CHECKS = ("database", "migrations")


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process answers. Asks no server, because no restart brings an unavailable database back."""
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when this process can serve requests, else 503; the body has a sentence for each check.

    Beat and SQS are not checked, because requests need neither: /metrics and `manage.py status` report them.
    """
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
    """A sentence for each check that fails; empty when all pass."""
    problems: dict[str, str] = {}
    if readiness.database_error is not None:
        problems["database"] = error_hints.postgres_unreachable(reason=readiness.database_error)
        problems["migrations"] = "unknown without the database"
    elif missing := readiness.missing_migrations:
        names = f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}"
        problems["migrations"] = f"not applied: {names}; run manage.py migrate"
    return problems
