"""The sister services over HTTP: the same messages as on the queues, applied when the answer comes."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.conf import settings
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from movies.api.bodies import RawJSONParser, body_of
from sessions_ingest.apply import Batch, Outcome, apply
from sessions_ingest.messages import Poison, Recommendations, Session, parse_recs, parse_session

MISSING = re.compile(r"missing `(\w+)`")  # said of the object that should have the field
Message = TypeVar("Message", Session, Recommendations)


class SessionData(APIView):
    """`POST /tetraflix/sessionData`; an event without a time happened when the request came."""

    required_role = "service"
    parser_classes = [RawJSONParser]

    def post(self, request: Request) -> Response:
        session = _parsed(request, parse_session)
        outcome = _applied(settings.SESSION_QUEUE, session)
        return Response(
            {"events": outcome.events, "views": outcome.views, "skipped": outcome.skipped}, status=201
        )


class UserRecs(APIView):
    """`POST /tetraflix/userRecs`; the list is as of when the request came."""

    required_role = "service"
    parser_classes = [RawJSONParser]

    def post(self, request: Request) -> Response:
        recommendations = _parsed(request, parse_recs)
        _applied(settings.RECS_QUEUE, recommendations)
        return Response({"received": len(recommendations.movie_ids)}, status=201)


def _parsed(request: Request, parse: Callable[[bytes, datetime], Message]) -> Message:
    """The message in the body. Raises ValidationError for what would be poison on a queue."""
    body = body_of(request)
    # a repeated request with an Idempotency-Key is as of the first time
    came = getattr(request._request, "first_came", None) or timezone.now()
    try:
        return parse(body if isinstance(body, bytes) else b"", came)  # none sent: DRF gives {}
    except Poison as poison:
        missing = MISSING.fullmatch(poison.reason)
        field = ".".join(filter(None, (poison.field, missing and missing[1]))) or "non_field_errors"
        raise ValidationError({field: [poison.reason]}) from None


def _applied(queue: str, message: Session | Recommendations) -> Outcome:
    (outcome,) = apply([Batch(queue, [message])])
    return outcome
