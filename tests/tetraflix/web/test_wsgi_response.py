"""Buffered responses reach the web server as one closed list; streams are passed on unchanged."""

from typing import Any

from django.core.signals import request_finished
from django.core.wsgi import get_wsgi_application
from django.http import StreamingHttpResponse
from django.test import RequestFactory

from movies.genres import GENRES
from tetraflix.web.wsgi_response import buffered


def test_a_buffered_response_is_a_closed_list():
    started: list[Any] = []
    closed: list[Any] = []

    def finished(sender: Any, **rest: Any) -> None:
        closed.append(sender)

    request_finished.connect(finished)
    try:
        application = buffered(get_wsgi_application())
        answer = application(
            RequestFactory().get("/tetraflix/genre/noir").environ, lambda *words: started.append(words)
        )
    finally:
        request_finished.disconnect(finished)
    body = b'{"detail":"Unknown genre. The 15 are: %b."}' % ", ".join(GENRES).encode()
    assert answer == [body]
    [(status, headers)] = started
    assert status == "404 Not Found"
    assert dict(headers)["Content-Length"] == str(len(body))
    assert len(closed) == 1


def test_a_streaming_response_is_left_to_the_server():
    stream = StreamingHttpResponse([b"a", b"b"])
    assert buffered(lambda environ, start_response: stream)({}, print) is stream
