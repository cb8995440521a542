"""A kept-alive HTTP/1.1 connection that writes a request at once and reads the usual response without a parser.

botocore's HTTP session takes 20 times the CPU for a request (`python -m benchmarks ingest`), which was a fifth of the
consumer's.
"""

import http.client
import os
import re
import ssl
from io import BufferedReader
from types import SimpleNamespace
from typing import cast
from urllib.parse import quote, urlsplit

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError, SSLError
from botocore.httpsession import get_cert_path
from urllib3.util import wait_for_read

BUFFER_BYTES = 65_536
# what decides where a response ends, and whether the connection does
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|connection): *([^\r\n]*)", re.IGNORECASE)
_KEEP_ALIVE = (b"connection", b"keep-alive")


class HttpConnection:
    """A connection to the server of one URL, without a proxy, for one thread. Opened again when it was closed.

    A 200 with a Content-Length is read here; http.client reads any other response.
    """

    def __init__(self, url: str, *, connect_seconds: float, read_seconds: float) -> None:
        self._url = url
        parts = urlsplit(url)
        self._request_line = f"POST {quote(parts.path or '/', safe='/~%')} HTTP/1.1\r\n"
        self._read_seconds = read_seconds
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or True
            context = ssl.create_default_context(cafile=get_cert_path(bundle))  # type: ignore[arg-type] # also a path
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=connect_seconds, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(host, port, timeout=connect_seconds)
        self._reader: BufferedReader | None = None  # None: not connected

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and body of the response to a POST.

        Raises EndpointConnectionError or SSLError, and ConnectionClosedError or ReadTimeoutError, after which the
        server may have got the request.
        """
        reader = self._open()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = f"{self._request_line}{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
        try:
            self._connection.sock.sendall(request)
            return self._response(reader)
        except TimeoutError as error:
            self.close()
            raise ReadTimeoutError(endpoint_url=self._url, error=error) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ConnectionClosedError(endpoint_url=self._url, error=error) from error

    def close(self) -> None:
        """Closes the connection; the next request opens another one."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._connection.close()

    def _open(self) -> BufferedReader:
        if self._reader is not None and wait_for_read(self._connection.sock, timeout=0):
            self.close()  # the server closed it, or sent what nobody asked for
        if self._reader is None:
            try:
                self._connection.connect()
            except ssl.SSLError as error:
                self.close()
                raise SSLError(endpoint_url=self._url, error=error) from error
            except OSError as error:
                self.close()
                raise EndpointConnectionError(endpoint_url=self._url, error=error) from error
            self._connection.sock.settimeout(self._read_seconds)
            self._reader = self._new_reader()
        return self._reader

    def _new_reader(self) -> BufferedReader:
        return cast(BufferedReader, self._connection.sock.makefile("rb", BUFFER_BYTES))

    def _response(self, reader: BufferedReader) -> tuple[int, bytes]:
        head, end, _ = reader.peek(1).partition(b"\r\n\r\n")
        if end and head.startswith(b"HTTP/1.1 200"):
            framing = {(name.lower(), value.lower()) for name, value in _FRAMING.findall(head)} - {
                _KEEP_ALIVE
            }
            name, length = framing.pop() if len(framing) == 1 else (b"", b"")
            if name == b"content-length" and length.isdigit():
                reader.read(len(head) + len(end))
                body = reader.read(int(length))
                if len(body) < int(length):
                    raise ConnectionResetError("closed in the middle of a response")
                return 200, body
        return self._any_response(reader)

    def _any_response(self, reader: BufferedReader) -> tuple[int, bytes]:
        source = SimpleNamespace(makefile=lambda mode: reader)
        response = http.client.HTTPResponse(source, method="POST")  # type: ignore[arg-type] # only makefile is used
        response.begin()
        body = response.read()
        if response.will_close:
            self.close()
        else:
            self._reader = self._new_reader()  # the response closed the other
        return response.status, body
