"""What clients read of a user's lists."""

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import NotFound

from movies.api.reads import ReadView, ready
from movies.foundation.numbers import MAX_BIGINT, whole_number
from recommendations.services import lists_for, popular_instead
from recommendations.stores.base import StoreUnavailable

# On an answer that is not this user's own, because the store of lists is away.
DEGRADED = "X-Tetraflix-Degraded"


class RecommendationsView(ReadView):
    """`GET /tetraflix/recommendations/<user>`"""

    def get(self, request: HttpRequest, user_id: str) -> HttpResponse:
        number = whole_number(user_id)
        if number is None:
            raise NotFound(f"A user is a whole number from 1 to {MAX_BIGINT}.")
        try:
            return ready(lists_for(number))
        except StoreUnavailable:
            answer = ready(popular_instead(number))
            answer[DEGRADED] = "lists-unavailable"
            return answer
