"""Sister services take a movie off a user's currently watching list, and bring it back."""

from collections.abc import Callable

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from movies.foundation.numbers import whole_number
from recommendations import services


class CurrentlyWatching(APIView):
    """`/tetraflix/currentlyWatching/<user>/<movie>`: DELETE takes the movie off, PUT brings it back."""

    required_role = "service"

    def delete(self, request: Request, user_id: str, movie_id: str) -> Response:
        """Its progress is kept. May be repeated.

        404 when the user is not watching the movie, and it was not taken off. A later session brings it back.
        """
        return _done(services.take_off, user_id, movie_id)

    def put(self, request: Request, user_id: str, movie_id: str) -> Response:
        """To the front, with its progress. May be repeated.

        404 when the movie was not taken off and is not there.
        """
        return _done(services.bring_back, user_id, movie_id)


def _done(service: Callable[..., bool], user_id: str, movie_id: str) -> Response:
    user, movie = whole_number(user_id), whole_number(movie_id)
    if user is None or movie is None:
        raise NotFound("A user and a movie are whole numbers from 1 on.")
    if not service(user_id=user, movie_id=movie):
        raise NotFound(f"User {user} is not watching movie {movie}, and it was not taken off.")
    return Response(status=204)
