"""The document and the page that lets people try it. Both served from here, asking no other host."""

import functools

import orjson
from django.http import HttpRequest, HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView

from tetraflix.openapi import lists, movies

__all__ = ["DocsView", "lists", "movies", "schema"]  # importing the descriptions registers them


@functools.cache
def _document() -> bytes:
    """Made once in a process: it takes a tenth of a second."""
    return orjson.dumps(SchemaGenerator().get_schema(request=None, public=True))


def schema(request: HttpRequest) -> HttpResponse:
    """`GET /tetraflix/schema`"""
    return HttpResponse(_document(), content_type="application/json")


class DocsView(SpectacularSwaggerSplitView):
    """`GET /tetraflix/docs`: scripts come from addresses, none is written into the page (CSP)."""

    authentication_classes: list[type] = []
    permission_classes: list[type] = []
    throttle_classes: list[type] = []
    url_name = "schema"
    title = "Tetraflix AppServer"
