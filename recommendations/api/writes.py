"""What the sister services take off a user's currently watching, and bring back."""

from collections.abc import Callable

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from movies.foundation.numbers import whole_number
from recommendations import services


class CurrentlyWatching(APIView):
    """`/tetraflix/currentlyWatching/<user>/<movie>`: DELETE takes the movie off, PUT brings it back to the front.

    Both may be repeated. 404 for a movie that is neither being watched nor taken off.
    """

    required_role = "service"

    def delete(self, request: Request, user_id: str, movie_id: str) -> Response:
        return _done(services.take_off, user_id, movie_id)

    def put(self, request: Request, user_id: str, movie_id: str) -> Response:
        return _done(services.bring_back, user_id, movie_id)


def _done(service: Callable[..., bool], user_id: str, movie_id: str) -> Response:
    user, movie = whole_number(user_id), whole_number(movie_id)
    if user is None or movie is None:
        raise NotFound("A user and a movie are whole numbers from 1 on.")
    if not service(user_id=user, movie_id=movie):
        raise NotFound(f"User {user} is not watching movie {movie}, and it was not taken off.")
    return Response(status=204)
