"""Passes buffered responses to the web server in one piece, which is faster than chunk by chunk."""

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpResponse

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def buffered(django: Callable[..., Any]) -> Application:
    """The application, which returns each response as a list and closes it, unless it streams.

    Granian sends a list together with its headers. Of any other iterable it sends headers, chunks and end separately,
    and each of these wakes its writing thread.
    """

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = django(environ, start_response)
        if not isinstance(response, HttpResponse):  # it streams, and the server closes it at the end
            return response
        response.close()
        return [response.content]

    return application
