"""Error responses: JSON with a `detail` under /tetraflix/, and with `errors` by field for an invalid body.

A database that is unavailable, or that aborted a statement after a time-out, is 503 with Retry-After everywhere.
"""

import logging
import sys
from typing import Any

from django.db import Error, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_handler
from rest_framework.views import set_rollback

from movies.foundation.database_errors import Condition, condition_of, sqlstate
from movies.inventory import services
from recommendations.stores.base import StoreUnavailable
from tetraflix.observability.request_ids import request_id_variable
from tetraflix.web import error_pages

logger = logging.getLogger(__name__)

API = "/tetraflix/"
SITE_DATA = "/site/"  # what scripts of the home page ask for
UNAVAILABLE_ERRORS = (OperationalError, InterfaceError, StoreUnavailable)
RETRY_AFTER_SECONDS = 2  # an embedded PostgreSQL restarts sooner, a failover takes a little longer

UNAVAILABLE = "The database is unavailable. Try again in a moment."
BUSY = "The same data is being changed by another request. Try again in a moment."
TIMED_OUT = "The request took too long and was stopped. Nothing was changed. Try again, or ask for less."
OVERLOADED = "The service is busy with other requests. Nothing was changed. Try again in a moment."
BODY_NOT_KEPT = "The body could not be stored for processing. Nothing was changed. Try again in a moment."
BODY_TOO_SLOW = "The body did not arrive in time. Nothing was changed. Send it again."
SENTENCES = {
    Condition.STATEMENT_CANCELED: TIMED_OUT,
    Condition.IDLE_SESSION_ENDED: TIMED_OUT,
    Condition.LOCK_NOT_AVAILABLE: BUSY,
    Condition.CONFLICT: BUSY,
    Condition.ROLLED_BACK: BUSY,
    Condition.CONNECTION_LOST: UNAVAILABLE,
    Condition.TOO_MANY_CONNECTIONS: UNAVAILABLE,
    Condition.OUT_OF_RESOURCES: UNAVAILABLE,
    Condition.STORAGE_FAILED: UNAVAILABLE,
}


def unavailable_because(error: BaseException) -> str | None:
    """The sentence for the caller about a database that cannot serve now; None when a retry would not help."""
    if isinstance(error, services.InventoryBusy):
        return str(error)
    if not isinstance(error, Error | StoreUnavailable):
        return None
    condition = condition_of(error)
    if condition in SENTENCES:
        return SENTENCES[condition]
    if isinstance(error, StoreUnavailable) or (isinstance(error, UNAVAILABLE_ERRORS) and not sqlstate(error)):
        return UNAVAILABLE
    return None


def retry_after(error: BaseException) -> str:
    """The value of Retry-After, in seconds."""
    busy = isinstance(error, services.InventoryBusy)
    return str(services.RETRY_AFTER_SECONDS if busy else RETRY_AFTER_SECONDS)


def unavailable(request: HttpRequest, error: BaseException) -> HttpResponse | None:
    """503 for an unavailable database, as JSON or as a page; None for any other error. Called for every view."""
    detail = unavailable_because(error)
    if detail is None:
        return None
    logger.warning(
        "answered 503 because of the database: %s", str(error).strip(), extra={"path": request.path}
    )
    return _try_again(request, detail, retry_after(error))


def _try_again(request: HttpRequest, detail: str, seconds: str) -> HttpResponse:
    """503 as JSON or as a page, with Retry-After."""
    if request.path.startswith((API, SITE_DATA)) or request.path.endswith(".json"):
        response: HttpResponse = JsonResponse({"detail": detail}, status=503)
    else:
        address = request.get_full_path() if request.method == "GET" else request.path
        response = error_pages.bare_page(
            status=503, title="Try again in a moment", detail=detail, ways_on=[("Try again", address)]
        )
    response["Retry-After"] = seconds
    response["Cache-Control"] = "no-store"
    return response


def busy(request: HttpRequest) -> HttpResponse:
    """503: all threads of this process work on other requests."""
    return _try_again(request, OVERLOADED, str(RETRY_AFTER_SECONDS))


def body_not_kept(request: HttpRequest) -> HttpResponse:
    """503: the disk for bodies is full or broken. Nothing was done."""
    return _try_again(request, BODY_NOT_KEPT, str(RETRY_AFTER_SECONDS))


def body_too_slow(request: HttpRequest) -> HttpResponse:
    """408: the body did not arrive in time. Nothing was done."""
    return JsonResponse({"detail": BODY_TOO_SLOW}, status=408, headers={"Connection": "close"})


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's error response in this format; 503 for an unavailable database; None (500, logged) for others."""
    if detail := unavailable_because(error):
        set_rollback()
        return Response({"detail": detail}, status=503, headers={"Retry-After": retry_after(error)})
    response = drf_handler(error, context)
    if response is not None and not (isinstance(response.data, dict) and "detail" in response.data):
        response.data = {"detail": _sentence(response.data), "errors": response.data}
    return response


def _sentence(errors: Any, where: str = "") -> str:
    """The first of nested errors, with its field: `profile: The weights sum to 99, not 100.`"""
    if isinstance(errors, dict):
        for field, below in errors.items():
            if below:
                path = where if field == "non_field_errors" else f"{where}.{field}".strip(".")
                return _sentence(below, path)
    elif isinstance(errors, list):
        for index, below in enumerate(errors):
            if below:
                return _sentence(below, f"{where}[{index}]" if isinstance(below, dict) else where)
    return f"{where}: {errors}" if where else str(errors)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API):
        return JsonResponse({"detail": "The request cannot be understood."}, status=400)
    # without the menu, because the host or the session of such a request may be wrong
    return error_pages.bare_page(
        status=400, title="Bad request", detail="The server cannot read this request. Nothing was changed."
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API):
        return JsonResponse({"detail": "This is not allowed."}, status=403)
    detail = "This page is not open to everybody."
    if hasattr(request, "user") and request.user.is_authenticated:
        roles = ", ".join(request.user.groups.order_by("name").values_list("name", flat=True)) or "none"
        name = request.user.get_username()
        detail = f"{name} (role: {roles}) may not do this. A superuser can change roles under Staff."
    return error_pages.page(request, status=403, title="Not allowed", detail=detail)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form without a valid token; the setting CSRF_FAILURE_VIEW names this view."""
    detail = "Nothing was changed. Go back, reload the page and send the form again. The browser must accept cookies."
    return error_pages.page(request, status=403, title="This form has expired", detail=detail)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API):
        return unknown_address(request)
    # Django gives a dict for an address that no URL matches, and the sentence of Http404 otherwise
    sentence = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    detail = sentence or f"There is nothing at {request.path}."
    return error_pages.page(request, status=404, title="Page not found", detail=detail)


def server_error(request: HttpRequest) -> HttpResponse:
    """500; but 503 when a middleware, like that of sessions, met an unavailable database."""
    error = sys.exc_info()[1]
    response = unavailable(request, error) if error else None
    if response is not None:
        return response
    if request.path.startswith(API):
        return JsonResponse({"detail": "Internal error; it is logged."}, status=500)
    detail = (
        f"The error is logged with the request id {request_id_variable.get()}. Try again, or report this id."
    )
    return error_pages.bare_page(status=500, title="Internal error", detail=detail)


def unknown_address(request: HttpRequest, rest: str = "") -> HttpResponse:
    """404, also in DEBUG, where Django would show its own page."""
    return JsonResponse({"detail": "There is nothing at this address."}, status=404)
