"""`GET` of a user's two lists."""

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import NotFound

from movies.foundation.numbers import MAX_BIGINT, whole_number
from movies.foundation.read_view import ReadView, json_response
from recommendations.services import lists_for, popular_instead
from recommendations.stores.base import StoreUnavailable

# Set when the answer is not the user's own lists, because their store is unavailable.
DEGRADED_HEADER = "X-Tetraflix-Degraded"


class RecommendationsView(ReadView):
    """`GET /tetraflix/recommendations/<user>`"""

    def get(self, request: HttpRequest, user_id: str) -> HttpResponse:
        """Recommendations in the recommender's order; currently watching, most recently watched first.

        No movie is in both. A user without a list, or with nothing left of it to show, gets the most popular movies,
        without those finished or being watched. Every user gets the most popular ones while the store of lists is
        unavailable: see `X-Tetraflix-Degraded`.
        """
        number = whole_number(user_id)
        if number is None:
            raise NotFound(f"A user is a whole number from 1 to {MAX_BIGINT}.")
        try:
            return json_response(lists_for(number))
        except StoreUnavailable:
            answer = json_response(popular_instead(number))
            answer[DEGRADED_HEADER] = "lists-unavailable"
            return answer
