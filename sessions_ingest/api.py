"""The sister services over HTTP: the same messages as on the queues, applied when the answer comes."""

import re
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from django.conf import settings
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from movies.api.bodies import RawJSONParser, body_of
from movies.foundation.database_clock import database_time
from sessions_ingest.apply import apply_one
from sessions_ingest.messages import InvalidMessage, Recommendations, Session, parse_recs, parse_session

# What one request may carry, because the thread that works on it serves nobody else: 1,000 events take it less
# than 0.1 s. A message is bounded by SQS alone, to as many bytes, and no client waits for the consumer's threads.
MOST_BYTES = 1024 * 1024
MOST_EVENTS = 1_000
MOST_RECOMMENDATIONS = 1_000
MISSING = re.compile(r"missing `(\w+)`")  # said of the object that should have the field
Message = TypeVar("Message", Session, Recommendations)


class MessageParser(RawJSONParser):
    """A body as large as a message on a queue may be."""

    most_bytes = MOST_BYTES


class SessionData(APIView):
    """`POST /tetraflix/sessionData`; an event without a time happened when the request came.

    Times are those of the database's clock, as for `userRecs`: several hosts answer.
    """

    required_role = "service"
    parser_classes = [MessageParser]

    def post(self, request: Request) -> Response:
        session = _parsed(request, partial(parse_session, most=MOST_EVENTS))
        answer = apply_one(settings.SESSION_QUEUE, session)
        outcome = answer.outcome
        told = {"events": outcome.events, "views": outcome.views, "skipped": outcome.skipped}
        return Response(told | {"superseded": answer.superseded}, status=201)


class UserRecs(APIView):
    """`POST /tetraflix/userRecs`; the list is as of when the request came."""

    required_role = "service"
    parser_classes = [MessageParser]

    def post(self, request: Request) -> Response:
        recommendations = _parsed(request, partial(parse_recs, most=MOST_RECOMMENDATIONS))
        newer = apply_one(settings.RECS_QUEUE, recommendations).newer_list
        left_out = {"reason": f"A newer list is stored: that of {newer.isoformat()}."} if newer else {}
        told = {"received": len(recommendations.movie_ids), "stored": newer is None, **left_out}
        return Response(told, status=201)


def _parsed(request: Request, parse: Callable[..., Message]) -> Message:
    """The message in the body. Raises ValidationError for what would be poison on a queue."""
    body = body_of(request)
    # a repeated request with an Idempotency-Key is as of the first time
    came = getattr(request._request, "first_received_at", None) or database_time()
    try:
        return parse(body if isinstance(body, bytes) else b"", came)  # none sent: DRF gives {}
    except InvalidMessage as poison:
        missing = MISSING.fullmatch(poison.reason)
        field = ".".join(filter(None, (poison.field, missing and missing[1]))) or "non_field_errors"
        raise ValidationError({field: [poison.reason]}) from None
