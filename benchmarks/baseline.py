"""The service with more addresses: two answer a constant on the event loop, as the hot reads are answered.

`/constant/<size>` passes the service's middleware; `/lean/<size>` none, which is the least that Django takes.
`/page/<seconds>` is a slow page.
"""

from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from django.urls import path

from tetraflix.web.rsgi import application as service  # loads the apps, whose models the views import

# isort: split
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

from tetraflix.urls import urlpatterns
from tetraflix.web.rsgi_application import HOT_READS, Answer, Application

_bodies: dict[int, bytes] = {}


def constant(request: HttpRequest, size: int) -> HttpResponse:
    """A body of this size, created at the first request."""
    body = _bodies.get(size) or _bodies.setdefault(size, b"x" * size)
    return HttpResponse(body, content_type="application/json")


def page(request: HttpRequest, seconds: int) -> HttpResponse:
    """Waits for the database, like a page of the admin whose statement takes long."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
    return HttpResponse(b"at last")


urlpatterns[:0] = [
    path("lean/<int:size>", constant),
    path("constant/<int:size>", constant),
    path("page/<int:seconds>", page),
]


class Lean(Application):
    """Django as it is: with the signals of a request, which hot reads do without."""

    def _read(self, request: WSGIRequest) -> Answer:
        return self._answer(request)


class Baselines:
    """The service, and beside it Django without middleware."""

    def __init__(self) -> None:
        with override_settings(MIDDLEWARE=[]):
            self._lean = Lean(WSGIHandler(), hot=("/lean/",))
        self._service = Application(service.handler, hot=("/constant/", *HOT_READS))

    def __rsgi_init__(self, loop: Any) -> None:
        for one in (self._lean, self._service):
            one.__rsgi_init__(loop)

    def __rsgi__(self, scope: Any, proto: Any) -> Any:
        one = self._lean if scope.path.startswith("/lean/") else self._service
        return one.__rsgi__(scope, proto)


application = Baselines()
