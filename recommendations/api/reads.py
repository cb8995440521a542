"""What clients read of a user's lists."""

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import NotFound

from movies.api.reads import LARGEST_ID, ReadView, ready, whole_number
from recommendations.services import lists_for


class RecommendationsView(ReadView):
    """`GET /tetraflix/recommendations/<user>`"""

    def get(self, request: HttpRequest, user_id: str) -> HttpResponse:
        number = whole_number(user_id)
        if number is None:
            raise NotFound(f"A user is a whole number from 1 to {LARGEST_ID}.")
        return ready(lists_for(number))
