"""Whole answers are handed to the web server in one piece."""

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpResponse

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def buffered(django: Callable[..., Any]) -> Application:
    """The application, whose answers are lists where they do not stream; then their request is over already.

    Granian sends a list at once with its head; of anything else head, body and end by themselves, and each wakes
    the thread that writes.
    """

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = django(environ, start_response)
        if not isinstance(response, HttpResponse):  # it streams; the server closes it at its end
            return response
        response.close()
        return [response.content]

    return application
