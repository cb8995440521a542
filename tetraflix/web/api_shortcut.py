"""Leads calls of the API past the middleware that only pages need: sessions, CSRF, logins, messages, frames."""

from collections.abc import Callable
from typing import Any, cast

from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponseBase
from django.middleware.common import CommonMiddleware

from tetraflix.web.error_responses import API, unavailable

PAGES_BELOW_API = frozenset(("/tetraflix/docs",))

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class _ApiHandler(BaseHandler):
    """Resolves the address and calls the view, as Django's handler does behind its last middleware."""

    def __init__(self) -> None:
        super().__init__()
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware = [unavailable]

    def get_response_of_view(self, request: HttpRequest) -> HttpResponseBase:
        # not in the stubs
        response: HttpResponseBase = self._get_response(request)  # type: ignore[attr-defined]
        return response


class ApiShortcut:
    """Answers calls of the API behind CommonMiddleware alone (it checks the host), and passes pages on.

    API keys authenticate callers of the API, who have neither cookies nor forms. What this saves: docs/decisions.md.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._pages = get_response
        to_view = convert_exception_to_response(_ApiHandler().get_response_of_view)
        behind_common: GetResponse = cast(Any, CommonMiddleware(to_view))
        self._api = cast(GetResponse, convert_exception_to_response(behind_common))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path
        is_api = path.startswith(API) and path not in PAGES_BELOW_API
        return (self._api if is_api else self._pages)(request)
