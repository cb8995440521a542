"""The service with slow addresses: the application `tests.servers.slow_web:application`, imported by no test."""

import os
import threading
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from tetraflix.web.rsgi import application  # loads the apps, whose models the views import

# isort: split
from tetraflix.urls import urlpatterns

__all__ = ["application"]

STREAMED = [b"%06d\n" % number * 100 for number in range(4_000)]  # 2.8 MB, more than is kept in memory


def held(request: HttpRequest) -> HttpResponse:
    """Waits, like a page whose statements take long, until somebody opens the pipe SLOW_WEB_GATE to write."""
    with open(os.environ["SLOW_WEB_GATE"]):
        return HttpResponse(b"at last")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Fails unless the whole stream is made by the thread that began it, as one with a database cursor needs."""

    def parts() -> Iterator[bytes]:
        thread = threading.get_ident()
        for part in STREAMED:
            assert threading.get_ident() == thread
            yield part

    return StreamingHttpResponse(parts(), content_type="text/plain")


def echo(request: HttpRequest) -> HttpResponse:
    """The body and what Django knows about its sender; two cookies."""
    known = ("REMOTE_ADDR", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_COOKIE", "QUERY_STRING")
    words = [f"{name}={request.META.get(name)}" for name in known]
    response = HttpResponse("\n".join([request.path, *words, str(len(request.body))]))
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("a secret of the code")


def csrf_exempt(view):
    view.csrf_exempt = True
    return view


urlpatterns[:0] = [
    path("held", held),
    path("stream", stream),
    path("echo", csrf_exempt(echo)),
    path("echo/<path:rest>", csrf_exempt(lambda request, rest: echo(request))),
    path("tetraflix/broken", broken),
]
