"""What the web server is handed: a whole answer as one list, with the request over, and nothing else changed."""

from typing import Any

from django.core.signals import request_finished
from django.core.wsgi import get_wsgi_application
from django.http import StreamingHttpResponse
from django.test import RequestFactory

from movies.genres import GENRES
from tetraflix.web.wsgi_response import buffered


def test_a_whole_answer_is_a_list_and_its_request_is_over():
    said: list[Any] = []
    over: list[Any] = []

    def finished(sender: Any, **rest: Any) -> None:
        over.append(sender)

    request_finished.connect(finished)
    try:
        application = buffered(get_wsgi_application())
        answer = application(
            RequestFactory().get("/tetraflix/genre/noir").environ, lambda *words: said.append(words)
        )
    finally:
        request_finished.disconnect(finished)
    told = b'{"detail":"Unknown genre. The 15 are: %b."}' % ", ".join(GENRES).encode()
    assert answer == [told]
    [(status, headers)] = said
    assert status == "404 Not Found"
    assert dict(headers)["Content-Length"] == str(len(told))
    assert len(over) == 1


def test_an_answer_that_streams_is_left_to_the_server():
    stream = StreamingHttpResponse([b"a", b"b"])
    assert buffered(lambda environ, start_response: stream)({}, print) is stream
