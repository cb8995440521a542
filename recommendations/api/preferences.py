"""A user's fixed genre preferences: given once or set by the first finishes, and read by sister services."""

from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from movies.api.bodies import body_of
from movies.foundation.numbers import MAX_BIGINT, whole_number
from movies.profiles import BadProfile, from_wire, to_wire
from recommendations import services
from recommendations.api.writes import Conflict


class Preferences(APIView):
    """`/tetraflix/preferences/<user>`: PUT gives preferences, once; GET reads them."""

    required_role = "service"
    reads_need_role = True

    def get(self, request: Request, user_id: str) -> Response:
        """Those given, else the mean of the first 5 finishes: `source` says which. 404 while there are neither."""
        user = _user(user_id)
        fixed = services.fixed_preferences(user)
        if fixed is None:
            raise NotFound(f"User {user} was given no preferences, and has not finished 5 movies.")
        return _answer(user, fixed, 200)

    def put(self, request: Request, user_id: str) -> Response:
        """The user's list follows within seconds. Preferences are given once: 409 when they were given before."""
        user, weights = _user(user_id), _weights(body_of(request))
        if not services.give_preferences(user_id=user, weights=weights):
            raise Conflict(f"User {user} was given preferences before, and they never change.")
        return _answer(user, services.FixedPreferences(weights, "given"), 201)


def _user(user_id: str) -> int:
    user = whole_number(user_id)
    if user is None:
        raise NotFound(f"A user is a whole number from 1 to {MAX_BIGINT}.")
    return user


def _weights(body: Any) -> tuple[int, ...]:
    """The weights of a body that is a profile, or an object with one. Raises ValidationError."""
    if isinstance(body, dict) and "profile" in body:
        unknown = [name for name in body if name != "profile"]
        if unknown:
            raise ValidationError({name: ["Unknown field; there is profile."] for name in unknown})
        body = body["profile"]
    try:
        return from_wire(body)
    except BadProfile as error:
        raise ValidationError({"profile": [str(error)]}) from None


def _answer(user: int, fixed: services.FixedPreferences, status: int) -> Response:
    answer = {"userId": user, "profile": to_wire(fixed.weights), "source": fixed.source}
    return Response(answer, status=status, headers={"Cache-Control": "no-store"})
