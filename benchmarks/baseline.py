"""The service with one more URL: `/constant/<size>`, a plain Django view that answers a constant."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from tetraflix.wsgi import application  # loads the apps, whose models the views import

# isort: split
from tetraflix.urls import urlpatterns

__all__ = ["application"]

_bodies: dict[int, bytes] = {}


def constant(request: HttpRequest, size: int) -> HttpResponse:
    """A body of this size, created at the first request."""
    body = _bodies.get(size) or _bodies.setdefault(size, b"x" * size)
    return HttpResponse(body, content_type="application/json")


urlpatterns.insert(0, path("constant/<int:size>", constant))
