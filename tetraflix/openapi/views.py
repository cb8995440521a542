"""Serves the OpenAPI document, and the page that introduces the API and shows the document."""

import functools
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.views import APIView

from movies.api.serializers import MAX_MOVIES_PER_REQUEST
from movies.genres import GENRES
from movies.search.keyset_pagination import MAX_PAGE_SIZE
from recommendations.lists import MAX_LIST_LENGTH
from sessions_ingest import api as messages
from tetraflix.access import idempotency
from tetraflix.observability import request_ids
from tetraflix.openapi import code_samples, lists, movies  # noqa: F401 - the import registers descriptions


@functools.cache
def document() -> dict[str, Any]:
    """The OpenAPI document. Made once a process, because it takes a tenth of a second."""
    return SchemaGenerator().get_schema(request=None, public=True)


@functools.cache
def _document_json() -> bytes:
    return orjson.dumps(document())


class _OpenView(APIView):
    """Needs no key and ignores one that is sent."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    schema = None  # not part of the document


class SchemaView(_OpenView):
    """`GET /tetraflix/schema`"""

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_document_json(), content_type="application/json")


class DocsView(_OpenView):
    """`GET /tetraflix/docs`"""

    def get(self, request: Request) -> HttpResponse:
        return render(request._request, "site/docs.html", _introduction(request._request))


def _introduction(request: HttpRequest) -> dict[str, Any]:
    """What the page says before the calls: addresses, names and limits of this service."""
    return {
        "base": request.build_absolute_uri("/").rstrip("/"),
        "sample_base": code_samples.BASE,
        "groups": _groups(),
        "genres": GENRES,
        "reads_need_key": settings.READS_NEED_KEY,
        "request_id": request_ids.HEADER,
        "idempotency": idempotency,
        "queues": {
            "sessions": settings.SESSION_QUEUE,
            "recommendations": settings.RECS_QUEUE,
            "changes": settings.CHANGES_QUEUE,
            "is_fifo": settings.SESSION_QUEUE.endswith(".fifo"),
            "region": settings.SQS_REGION,
            # the address of an embedded server is that of this machine, any other is not shown to strangers
            "endpoint": settings.SQS_ENDPOINT if settings.EMBEDDED_SQS else "",
        },
        "limits": {name: f"{number:,}" for name, number in _limits().items()},
    }


def _limits() -> dict[str, int]:
    return {
        "writes": settings.WRITES_PER_MINUTE,
        "body": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
        "message": messages.MAX_MESSAGE_BYTES,
        "movies": MAX_MOVIES_PER_REQUEST,
        "events": messages.MAX_EVENTS_PER_REQUEST,
        "ids": messages.MAX_IDS_PER_REQUEST,
        "list": MAX_LIST_LENGTH,
        "page": MAX_PAGE_SIZE,
    }


def _groups() -> dict[str, list[dict[str, str]]]:
    """The operations by their tag, in the order in which the page shows both."""
    groups: dict[str, list[dict[str, str]]] = {tag["name"]: [] for tag in document()["tags"]}
    for operations in document()["paths"].values():
        for operation in operations.values():
            groups[operation["tags"][0]].append(
                {"id": operation["operationId"], "summary": operation["summary"]}
            )
    return groups
