"""The sister services' messages over HTTP: the same as on the queues, applied before the answer is sent."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from django.conf import settings
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from movies.api.bodies import RawJSONParser, body_of
from movies.foundation.database_clock import database_time
from sessions_ingest.apply import MessageOutcome, apply_one
from sessions_ingest.message_log import over_http
from sessions_ingest.messages import InvalidMessage, Recommendations, Session, parse_recs, parse_session

# Limits of one request, because its thread serves no other one meanwhile: 1,000 events take less than 0.1 s.
# SQS alone limits a message on a queue, to as many bytes, because no client waits for the consumer's threads.
MAX_MESSAGE_BYTES = 1024 * 1024
MAX_EVENTS_PER_REQUEST = 1_000
MAX_IDS_PER_REQUEST = 1_000
MISSING = re.compile(r"missing `(\w+)`")  # the reason names the field, its path only the object
Message = TypeVar("Message", Session, Recommendations)


class MessageParser(RawJSONParser):
    """A body as large as a message on a queue may be."""

    max_bytes = MAX_MESSAGE_BYTES


class SessionData(APIView):
    """`POST /tetraflix/sessionData`; an event without a time gets that of the request.

    The database's clock gives it, as for `userRecs`, because several hosts answer.
    """

    required_role = "service"
    parser_classes = [MessageParser]

    def post(self, request: Request) -> Response:
        """The same as one message on the queue. The same event (user, movie, time) never counts twice."""
        session = _parsed(request, partial(parse_session, most=MAX_EVENTS_PER_REQUEST))
        answer = _applied(request, settings.SESSION_QUEUE, session, session.sent_at)
        outcome = answer.outcome
        counts = {"events": outcome.events, "views": outcome.views, "skipped": outcome.skipped}
        return Response(counts | {"superseded": answer.superseded}, status=201)


class UserRecs(APIView):
    """`POST /tetraflix/userRecs`; the list dates from the time of the request."""

    required_role = "service"
    parser_classes = [MessageParser]

    def post(self, request: Request) -> Response:
        """The same as one message on the queue, as of now."""
        recommendations = _parsed(request, partial(parse_recs, most=MAX_IDS_PER_REQUEST))
        newer = _applied(request, settings.RECS_QUEUE, recommendations, recommendations.at).newer_list
        why_not = {"reason": f"A newer list is stored: that of {newer.isoformat()}."} if newer else {}
        received = len(recommendations.movie_ids)
        return Response({"received": received, "stored": newer is None, **why_not}, status=201)


def _applied(
    request: Request, queue: str, message: Session | Recommendations, sent_at: datetime
) -> MessageOutcome:
    answer = apply_one(queue, message)
    over_http.record(queue, message, body_of(request), sent_at, answer.outcome)
    return answer


def _parsed(request: Request, parse: Callable[..., Message]) -> Message:
    """The message in the body. Raises ValidationError for one that a queue would dead-letter."""
    body = body_of(request)
    # a repeat with the same Idempotency-Key keeps the time of the first request
    received_at = getattr(request._request, "first_received_at", None) or database_time()
    try:
        return parse(body if isinstance(body, bytes) else b"", received_at)  # DRF gives {} for no body
    except InvalidMessage as error:
        missing = MISSING.fullmatch(error.reason)
        field = ".".join(filter(None, (error.field, missing and missing[1]))) or "non_field_errors"
        raise ValidationError({field: [error.reason]}) from None
