"""Serves the OpenAPI document and the page that shows it, without any other host."""

import functools

import orjson
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tetraflix.openapi import lists, movies  # noqa: F401 - the import registers the descriptions


@functools.cache
def _document() -> bytes:
    """Made once a process, because it takes a tenth of a second."""
    return orjson.dumps(SchemaGenerator().get_schema(request=None, public=True))


class _OpenView(APIView):
    """Needs no key and ignores one that is sent."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    schema = None  # not part of the document


class SchemaView(_OpenView):
    """`GET /tetraflix/schema`"""

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_document(), content_type="application/json")


class DocsView(_OpenView, SpectacularSwaggerSplitView):
    """`GET /tetraflix/docs`: no inline script, because of the Content-Security-Policy."""

    url_name = "schema"
    title = "Tetraflix AppServer"

    def handle_exception(self, exc: Exception) -> Response:
        """Answers an error as JSON."""
        self.request.accepted_renderer = JSONRenderer()
        return super().handle_exception(exc)
