"""HttpConnection reads every form of response, and notices when the server has closed the connection."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from botocore.exceptions import ConnectionClosedError, SSLError

from sessions_ingest.consumer import http_connection
from sessions_ingest.consumer.http_connection import HttpConnection
from tests.waiting import wait_until

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b'{"Messages": []}'
LONG = b"x" * 300_000
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


class Scripted(BaseHTTPRequestHandler):
    """Sends the next response as it stands; closes the connection after one that is in `closing`."""

    protocol_version = "HTTP/1.1"
    script: list[bytes] = []
    closing: list[bytes] = []
    requests: list[bytes] = []
    heads: list[tuple[str, dict[str, str]]] = []
    clients: list[int] = []  # the client's port, of each request
    closed = 0  # connections

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Scripted.requests.append(body)
        Scripted.heads.append((self.requestline, dict(self.headers)))
        Scripted.clients.append(self.client_address[1])
        response = Scripted.script.pop(0)
        self.wfile.write(response)
        self.close_connection = response in Scripted.closing

    def finish(self) -> None:
        super().finish()
        self.request.close()
        Scripted.closed += 1

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    for name in ("script", "closing", "requests", "heads", "clients"):
        monkeypatch.setattr(Scripted, name, [])
    monkeypatch.setattr(Scripted, "closed", 0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def url(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}/"


def connection(url: str) -> HttpConnection:
    return HttpConnection(url, connect_seconds=10, read_seconds=30)


@pytest.mark.parametrize("buffer", [16, 65_536], ids=["head in parts", "head at once"])
@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (OK + b"Content-Length: 16\r\n\r\n" + BODY, (200, BODY)),
        (b"HTTP/1.1 200\r\ncontent-LENGTH:16 \r\nConnection: Keep-Alive\r\n\r\n" + BODY, (200, BODY)),
        (OK + b"X-Note: content-length: 3\r\nContent-Length: 16\r\n\r\n" + BODY, (200, BODY)),
        (OK + b"Content-Length: 300000\r\n\r\n" + LONG, (200, LONG)),
        (OK + b"Content-Length: 0\r\n\r\n", (200, b"")),
        (OK + CHUNKED + b'6\r\n{"Mess\r\na\r\nages": []}\r\n0\r\n\r\n', (200, BODY)),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 16\r\n\r\n" + BODY, (200, BODY)),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 16\r\n\r\n" + BODY, (503, BODY)),
        (b"HTTP/1.1 204 Nothing\r\n\r\n", (204, b"")),
    ],
)
def test_a_response_is_read_to_its_end_and_the_connection_is_kept(
    url: str, monkeypatch: pytest.MonkeyPatch, buffer: int, response: bytes, expected: tuple[int, bytes]
) -> None:
    monkeypatch.setattr(http_connection, "BUFFER_BYTES", buffer)
    Scripted.script += [response, response]
    http = connection(url)
    assert [http.post({}, b"one"), http.post({}, b"two")] == [expected, expected]
    assert Scripted.requests == [b"one", b"two"]
    assert len(set(Scripted.clients)) == 1
    http.close()


@pytest.mark.parametrize(
    "response",
    [
        OK + b"Connection: close\r\nContent-Length: 16\r\n\r\n" + BODY,
        OK + b"\r\n" + BODY,
        b"HTTP/1.0 200 OK\r\nContent-Length: 16\r\n\r\n" + BODY,
        OK + b"Content-Length: 16\r\n\r\n" + BODY,  # closed without a word
    ],
)
def test_a_connection_that_the_server_closed_is_opened_again(url: str, response: bytes) -> None:
    Scripted.script += [response, response]
    Scripted.closing.append(response)
    http = connection(url)
    assert http.post({}, b"one") == (200, BODY)
    wait_until(lambda: Scripted.closed == 1)
    assert http.post({}, b"two") == (200, BODY)
    assert Scripted.requests == [b"one", b"two"]
    http.close()


@pytest.mark.parametrize(
    "response",
    [
        b"",
        OK + b"Content-Length: 17\r\n\r\n" + BODY,
        OK + CHUNKED + b"20\r\n" + BODY,
        b"no HTTP\r\n\r\n",
    ],
)
def test_half_a_response_is_an_error_and_the_next_request_is_answered(url: str, response: bytes) -> None:
    whole = OK + b"Content-Length: 16\r\n\r\n" + BODY
    Scripted.script += [response, whole]
    Scripted.closing.append(response)
    http = connection(url)
    with pytest.raises(ConnectionClosedError):
        http.post({}, b"one")
    assert http.post({}, b"two") == (200, BODY)
    http.close()


def test_path_and_headers_are_sent_as_given(url: str) -> None:
    Scripted.script.append(OK + b"Content-Length: 0\r\n\r\n")
    http = connection(f"{url}to a/~sqs/")
    http.post({"Host": "sqs.example", "X-Amz-Target": "AmazonSQS.ReceiveMessage"}, b"{}")
    assert Scripted.heads == [
        (
            "POST /to%20a/~sqs/ HTTP/1.1",
            {"Host": "sqs.example", "X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Length": "2"},
        )
    ]
    http.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("no openssl to make a certificate with")
    file = tmp_path / "server.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*made, "-keyout", file, "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    file.write_text(file.read_text() + (tmp_path / "cert.pem").read_text())
    return file


@pytest.fixture
def tls_url(url: str, server: ThreadingHTTPServer, certificate: Path) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return url.replace("http:", "https:")


def test_tls_trusts_the_bundle_of_the_environment(
    tls_url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    response = OK + b"Content-Length: 300000\r\n\r\n" + LONG
    Scripted.script += [response, response]
    http = connection(tls_url)
    assert [http.post({}, b"one"), http.post({}, b"two")] == [(200, LONG), (200, LONG)]
    assert len(set(Scripted.clients)) == 1
    http.close()


def test_tls_with_an_unknown_server_is_refused(tls_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        connection(tls_url).post({}, b"one")
    assert Scripted.requests == []
