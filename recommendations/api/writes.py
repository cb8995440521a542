"""Sister services correct a user's lists: movies taken off currently watching, dismissed, and both undone."""

from collections.abc import Callable

from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from movies.foundation.numbers import whole_number
from recommendations import services


class Conflict(APIException):
    """409: what is stored does not allow the change."""

    status_code = 409


class CurrentlyWatching(APIView):
    """`/tetraflix/currentlyWatching/<user>/<movie>`: DELETE takes the movie off, PUT brings it back."""

    required_role = "service"

    def delete(self, request: Request, user_id: str, movie_id: str) -> Response:
        """Its progress is kept. May be repeated.

        404 when the user is not watching the movie, and it was not taken off. A later session brings it back.
        """
        return self._done(services.take_off, user_id, movie_id)

    def put(self, request: Request, user_id: str, movie_id: str) -> Response:
        """To the front, with its progress. May be repeated.

        404 when the movie was not taken off and is not there.
        """
        return self._done(services.bring_back, user_id, movie_id)

    def _done(self, service: Callable[..., bool], user_id: str, movie_id: str) -> Response:
        user, movie = _numbers(user_id, movie_id)
        if not service(user_id=user, movie_id=movie):
            raise NotFound(f"User {user} is not watching movie {movie}, and it was not taken off.")
        return Response(status=204)


class Dismissed(APIView):
    """`/tetraflix/dismissed/<user>/<movie>`: PUT dismisses the movie ("not for me"), DELETE undoes that."""

    required_role = "service"

    def put(self, request: Request, user_id: str, movie_id: str) -> Response:
        """The movie is shown in neither list from the next request on. May be repeated.

        It stays out of every later list and of the popular movies, also when a later session watches it. Its
        progress is kept. 404 when there is no such movie; 409 when the user has dismissed 1,000 others.
        """
        return self._done(services.dismiss, user_id, movie_id)

    def delete(self, request: Request, user_id: str, movie_id: str) -> Response:
        """The movie is shown where the lists have it, with its progress. May be repeated.

        204 also when it was not dismissed; 404 when there is no such movie.
        """
        return self._done(services.undo_dismissal, user_id, movie_id)

    def _done(self, service: Callable[..., None], user_id: str, movie_id: str) -> Response:
        user, movie = _numbers(user_id, movie_id)
        try:
            service(user_id=user, movie_id=movie)
        except services.NoSuchMovie as error:
            raise NotFound(str(error)) from None
        except services.TooManyDismissed as error:
            raise Conflict(str(error)) from None
        return Response(status=204)


def _numbers(user_id: str, movie_id: str) -> tuple[int, int]:
    user, movie = whole_number(user_id), whole_number(movie_id)
    if user is None or movie is None:
        raise NotFound("A user and a movie are whole numbers from 1 on.")
    return user, movie
