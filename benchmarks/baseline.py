"""The service with two more addresses that answer a constant on the event loop, as the hot reads are answered.

`/constant/<size>` passes the service's middleware; `/lean/<size>` none, which is the least that Django takes.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from django.urls import path

from tetraflix.web.rsgi import application as service  # loads the apps, whose models the views import

# isort: split
from django.core.handlers.wsgi import WSGIHandler

from tetraflix.urls import urlpatterns
from tetraflix.web.rsgi_application import HOT_READS, Application

_bodies: dict[int, bytes] = {}


def constant(request: HttpRequest, size: int) -> HttpResponse:
    """A body of this size, created at the first request."""
    body = _bodies.get(size) or _bodies.setdefault(size, b"x" * size)
    return HttpResponse(body, content_type="application/json")


urlpatterns[:0] = [path("lean/<int:size>", constant), path("constant/<int:size>", constant)]


class Baselines:
    """The service, and beside it Django without middleware."""

    def __init__(self) -> None:
        with override_settings(MIDDLEWARE=[]):
            self._lean = Application(WSGIHandler(), hot=("/lean/",))
        self._service = Application(service.handler, hot=("/constant/", *HOT_READS))

    def __rsgi_init__(self, loop: Any) -> None:
        for one in (self._lean, self._service):
            one.__rsgi_init__(loop)

    def __rsgi__(self, scope: Any, proto: Any) -> Any:
        one = self._lean if scope.path.startswith("/lean/") else self._service
        return one.__rsgi__(scope, proto)


application = Baselines()
