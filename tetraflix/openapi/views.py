"""The document and the page that lets people try it. Both served from here, asking no other host."""

import functools

import orjson
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tetraflix.openapi import lists, movies

__all__ = ["DocsView", "SchemaView", "lists", "movies"]  # importing the descriptions registers them


@functools.cache
def _document() -> bytes:
    """Made once in a process: it takes a tenth of a second."""
    return orjson.dumps(SchemaGenerator().get_schema(request=None, public=True))


class _OpenView(APIView):
    """Open to all, whatever key they send."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    schema = None  # not part of the document


class SchemaView(_OpenView):
    """`GET /tetraflix/schema`"""

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_document(), content_type="application/json")


class DocsView(_OpenView, SpectacularSwaggerSplitView):
    """`GET /tetraflix/docs`: scripts come from addresses, none is written into the page (CSP)."""

    url_name = "schema"
    title = "Tetraflix AppServer"

    def handle_exception(self, exc: Exception) -> Response:
        """An error is JSON, like every other here."""
        self.request.accepted_renderer = JSONRenderer()
        return super().handle_exception(exc)
