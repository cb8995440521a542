"""Reads bodies of requests as strict JSON of limited size, and answers in JSON only."""

from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from movies.foundation import strict_json


class BodyTooLarge(APIException):
    """413: more bytes than the view accepts."""

    status_code = 413
    default_code = "too_large"


class LengthRequired(APIException):
    """411: a chunked body, which WSGI does not pass on because it has no Content-Length."""

    status_code = 411
    default_detail = "Send the body with a Content-Length."


class OneFormat(DefaultContentNegotiation):
    """Every answer is JSON whatever Accept says.

    Negotiation comes before authentication, so it would answer 406 instead of 401 to callers without a key.
    """

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""


def body_of(request: Request) -> Any:
    """The body as the view's parser reads it. Raises LengthRequired, and what the parser raises."""
    meta = request.META
    if "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower() and not meta.get("CONTENT_LENGTH"):
        raise LengthRequired  # DRF would read it as an empty body
    return request.data


class RawJSONParser(BaseParser):
    """The bytes of a JSON body, for views that parse it themselves."""

    media_type = "application/json"
    max_bytes: int | None = None  # a limit below the setting MAX_BODY_BYTES

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body's bytes. Raises BodyTooLarge."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if self.max_bytes is not None:
            limit = min(limit, self.max_bytes)
        if int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0) > limit:
            raise BodyTooLarge(f"A body has at most {limit:,} bytes.")
        return stream.read()


class StrictJSONParser(RawJSONParser):
    """JSON with unique keys and without NaN or Infinity, so that no two readers understand it differently."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The value. Raises ParseError, and what RawJSONParser raises."""
        raw = super().parse(stream, media_type, parser_context)
        try:
            return strict_json.loads(raw)
        except strict_json.BadJson as error:
            raise ParseError(f"The body is {error}.") from None
