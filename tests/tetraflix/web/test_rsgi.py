"""Web processes over RSGI: no client makes the reads of others wait, and requests and responses arrive whole."""

import contextlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, transaction

from movies.models import Inventory
from tests.api.calling import NO_SUCH_KEY, PROFILE, Caller
from tests.movies.factories import movie
from tests.servers.web_process import WebProcess
from tests.waiting import wait_until
from tetraflix.web.rsgi_request import BODY_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

READS = ("/healthz", "/tetraflix/recommendations/7", "/tetraflix/genre/action")
THREADS = 4
SILENT = 10
STREAMED = b"".join(b"%06d\n" % number * 100 for number in range(4_000))  # by tests/servers/slow_web.py
QUICK_SECONDS = 5  # a read that waited for one of the slow requests would take longer


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A pipe; a process that opens it to read waits until it is written."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


@pytest.fixture
def web(database_url: str, tmp_path: Path, gate: Path) -> Iterator[WebProcess]:
    movie("Kahaani", movie_id=7)
    process = WebProcess(
        tmp_path / "web.log",
        application="tests.servers.slow_web:application",
        DATABASE_URL=database_url,
        WEB_THREADS=str(THREADS),
        MAX_BODY_BYTES="100000",
        SLOW_WEB_GATE=str(gate),
    )
    with process:
        yield process


def call(
    web: WebProcess, method: str, path: str, body: bytes | None = None, seconds: float = 30, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    link = http.client.HTTPConnection("127.0.0.1", web.port, timeout=seconds)
    try:
        link.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = link.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        link.close()


def opened(web: WebProcess, sent: str) -> socket.socket:
    """A connection that has sent this and says nothing more."""
    client = socket.create_connection(("127.0.0.1", web.port), timeout=60)
    client.sendall(sent.replace("\n", "\r\n").encode())
    return client


def head(path: str, key: str, length: int) -> str:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    return "\n".join([*lines, f"Authorization: Bearer {key}", f"Content-Length: {length}", "", ""])


def reads_answer(web: WebProcess) -> None:
    for path in READS:
        assert call(web, "GET", path, seconds=QUICK_SECONDS)[0] == 200


def everything_from(client: socket.socket) -> bytes:
    parts = []
    while part := client.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def test_silent_bodies_stop_nobody_and_get_408(web: WebProcess):
    key = Caller("service").key
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        silent = [
            stack.enter_context(opened(web, head("/tetraflix/userRecs", key, 100) + "{"))
            for _ in range(SILENT)
        ]
        reads_answer(web)
        # and writes: no thread waits for a body
        written = call(
            web,
            "POST",
            "/tetraflix/userRecs",
            b'{"userId": 7, "rec": [7]}',
            Authorization=f"Bearer {key}",
            Content_Type="application/json",
        )
        assert (written[0], written[2]) == (201, b'{"received":1,"stored":true}')
        assert time.monotonic() - began < BODY_SECONDS, "the machine is too slow to tell"
        for client in silent:
            answer = everything_from(client)  # the connection is closed
            assert answer.startswith(b"HTTP/1.1 408 "), answer
            assert (
                b'{"detail": "The body did not arrive in time. Nothing was changed. Send it again."}'
                in answer
            )
            assert b"x-request-id: " in answer


def test_half_sent_heads_stop_nobody_and_are_closed(web: WebProcess):
    with contextlib.ExitStack() as stack:
        half = [stack.enter_context(opened(web, "GET /healthz HTTP/1.1\nHo")) for _ in range(SILENT)]
        reads_answer(web)
        assert [everything_from(client) for client in half] == [b""] * SILENT


def test_a_caller_without_a_valid_key_is_refused_before_its_body(web: WebProcess):
    with opened(web, head("/tetraflix/userRecs", NO_SUCH_KEY, 100)) as client:
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 401 ")


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(web: WebProcess):
    key = Caller("service").key
    with opened(web, head("/tetraflix/userRecs", key, 100_001)) as client:
        answer = client.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b'{"detail":"A body has at most 100,000 bytes."}')


def test_a_body_cut_short_by_its_client_changes_nothing(web: WebProcess):
    key = Caller("service").key
    before = call(web, "GET", "/tetraflix/recommendations/7")[2]
    whole = b'{"userId": 7, "rec": []}'
    with opened(web, head("/tetraflix/userRecs", key, len(whole) + 1) + whole.decode()):
        pass
    reads_answer(web)
    assert call(web, "GET", "/tetraflix/recommendations/7")[2] == before
    assert "Traceback" not in web.output()


def test_slow_pages_in_all_threads_stop_no_read(web: WebProcess, gate: Path):
    with ThreadPoolExecutor(THREADS) as clients:
        pages = [clients.submit(call, web, "GET", "/held", seconds=120) for _ in range(THREADS)]
        try:
            wait_until(lambda: call(web, "GET", "/nothing")[0] == 503, seconds=60)  # every thread is taken
            status, headers, body = call(web, "PUT", "/tetraflix/movies/7", b"{}")
            assert (status, headers["Retry-After"]) == (503, "2")
            assert body.startswith(b'{"detail": "The service is busy')
            reads_answer(web)
            assert call(web, "GET", "/tetraflix/movies/7")[0] == 200
            assert call(web, "GET", "/metrics")[0] == 200
            assert not any(page.done() for page in pages)
        finally:
            gate.write_text("")
        assert [page.result()[0] for page in pages] == [200] * THREADS
    assert call(web, "GET", "/nothing")[0] == 404


def test_writers_that_wait_for_a_lock_stop_no_read(web: WebProcess):
    key = Caller("distributor").key
    answers: list[int] = []

    def write() -> None:
        body = str({"title": "Kahaani 2", "profile": PROFILE}).replace("'", '"').encode()
        answers.append(
            call(
                web,
                "PUT",
                "/tetraflix/movies/7",
                body,
                Authorization=f"Bearer {key}",
                Content_Type="application/json",
            )[0]
        )

    writers = [threading.Thread(target=write) for _ in range(3 * THREADS)]
    with transaction.atomic():
        Inventory.objects.select_for_update().get()
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            reads_answer(web)
    for writer in writers:
        writer.join()
    assert answers == [503] * len(writers)


def test_head_has_the_length_and_no_body(web: WebProcess):
    for path in ("/tetraflix/genre/action", "/tetraflix/movies/7", "/nothing", "/stream"):
        status, headers, body = call(web, "GET", path)
        again, headers_of_head, nothing = call(web, "HEAD", path)
        assert (again, nothing) == (status, b"")
        assert headers_of_head["Content-Type"] == headers["Content-Type"]
        if path != "/stream":
            assert headers_of_head["Content-Length"] == str(len(body))


def test_a_stream_arrives_whole_and_a_slow_reader_holds_no_thread(web: WebProcess):
    assert call(web, "GET", "/stream")[2] == STREAMED
    with contextlib.ExitStack() as stack:
        for _ in range(SILENT):
            stack.enter_context(opened(web, "GET /stream HTTP/1.1\nHost: 127.0.0.1\n\n"))
        assert call(web, "GET", "/stream")[2] == STREAMED


def test_django_sees_the_request_as_under_wsgi(web: WebProcess):
    status, headers, body = call(
        web,
        "POST",
        "/echo/a%20b/%C3%A9?x=%C3%A9",
        b"12345",
        X_Forwarded_For="10.0.0.1",
        X_Forwarded_Proto="https",
        Cookie="c=3",
    )
    assert status == 200
    assert body.decode().split("\n") == [
        "/echo/a b/é",
        "REMOTE_ADDR=127.0.0.1",
        "HTTP_X_FORWARDED_FOR=10.0.0.1",
        "HTTP_X_FORWARDED_PROTO=https",
        "HTTP_COOKIE=c=3",
        "QUERY_STRING=x=%C3%A9",
        "5",
    ]
    assert headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/"]


def test_a_header_with_an_underscore_does_not_pass_for_one_of_the_proxy(web: WebProcess):
    lines = ("GET /echo HTTP/1.1", "Host: 127.0.0.1", "X_Forwarded_Proto: https", "Connection: close", "", "")
    with opened(web, "\n".join(lines)) as client:
        assert b"HTTP_X_FORWARDED_PROTO=None" in everything_from(client)


def test_an_error_in_a_view_tells_nothing_of_the_code(web: WebProcess):
    status, _, body = call(web, "GET", "/tetraflix/broken")
    assert (status, body) == (500, b'{"detail": "Internal error; it is logged."}')
    assert "a secret of the code" in web.output()


def test_connections_of_threads_are_used_again(web: WebProcess):
    for _ in range(5 * THREADS):
        reads_answer(web)
        assert call(web, "GET", "/tetraflix/movies")[0] == 200
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] <= THREADS + 2  # the loop's, and readiness'
