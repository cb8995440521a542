"""How errors under /tetraflix/ look: JSON with a `detail`, and `errors` by field where the body was bad."""

from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_handler
from rest_framework.views import set_rollback

from movies import services
from recommendations.stores.base import StoreUnavailable

API = "/tetraflix/"
AWAY = (OperationalError, InterfaceError, StoreUnavailable)
RETRY_AFTER_SECONDS = 2  # an embedded PostgreSQL is back in less, a failed-over one in some more


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's answer in our form; 503 when a database is away; None (a 500, logged) for what is our fault."""
    if isinstance(error, AWAY):
        set_rollback()
        return Response(
            {"detail": "The service is short of its database. Try again in a moment."},
            status=503,
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
    if isinstance(error, services.InventoryBusy):
        set_rollback()
        return Response(
            {"detail": str(error)}, status=503, headers={"Retry-After": str(services.RETRY_AFTER_SECONDS)}
        )
    response = drf_handler(error, context)
    if response is not None and not (isinstance(response.data, dict) and "detail" in response.data):
        response.data = {"detail": _sentence(response.data), "errors": response.data}
    return response


def _sentence(errors: Any, where: str = "") -> str:
    """The first of nested errors, with the field it is about: `profile: The weights sum to 99, not 100.`"""
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
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API):
        return JsonResponse({"detail": "This is not allowed."}, status=403)
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API):
        return unknown_address(request)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(API):
        return JsonResponse({"detail": "Something went wrong here; it is on record."}, status=500)
    return defaults.server_error(request)


def unknown_address(request: HttpRequest, rest: str = "") -> HttpResponse:
    """404, in DEBUG too, where Django would show a page of its own."""
    return JsonResponse({"detail": "There is nothing at this address."}, status=404)
