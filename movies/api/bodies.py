"""Bodies of requests and answers: standard JSON, no larger than allowed, or an error that says what is wrong."""

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
    """413: more bytes than MAX_BODY_BYTES."""

    status_code = 413
    default_code = "too_large"


class LengthRequired(APIException):
    """411: a body whose length is not announced (chunked), which WSGI does not hand on."""

    status_code = 411
    default_detail = "Send the body with a Content-Length."


class OneFormat(DefaultContentNegotiation):
    """Every answer is in the one format that there is, whatever Accept says: a client that asks for XML gets JSON.

    Negotiation comes before authentication, so it would answer 406 to callers without a key too.
    """

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""


def body_of(request: Request) -> Any:
    """The body as the view's parser reads it. Raises LengthRequired beside what the parser raises."""
    meta = request.META
    if "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower() and not meta.get("CONTENT_LENGTH"):
        raise LengthRequired  # DRF would take it for an empty one
    return request.data


class RawJSONParser(BaseParser):
    """The bytes of a JSON body, for whoever parses them further."""

    media_type = "application/json"
    most_bytes: int | None = None  # where less is enough than MAX_BODY_BYTES

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body's bytes. Raises BodyTooLarge."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if self.most_bytes is not None:
            limit = min(limit, self.most_bytes)
        if int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0) > limit:
            raise BodyTooLarge(f"A body has at most {limit:,} bytes.")
        return stream.read()


class StrictJSONParser(RawJSONParser):
    """JSON with every key once and no NaN or Infinity, so that no two readers understand it differently."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The value. Raises ParseError beside what RawJSONParser raises."""
        raw = super().parse(stream, media_type, parser_context)
        try:
            return strict_json.loads(raw)
        except strict_json.BadJson as error:
            raise ParseError(f"The body is {error}.") from None
