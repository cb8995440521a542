"""What a request over RSGI says, in the form that Django reads: the environment of a WSGI request, and its body."""

import asyncio
import sys
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any

# In memory; the rest of a larger body is in a temporary file, so that many slow clients take no memory.
BODY_IN_MEMORY_BYTES = 64 * 1024
BODY_SECONDS = 10.0  # for any body,
BODY_BYTES_PER_SECOND = 64 * 1024  # and a second more for so many bytes of it
NO_BODY = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))


class BodyTooSlow(Exception):
    """408: the client did not send its body in time."""


class ClientGone(Exception):
    """The client closed the connection before its body was complete; nobody waits for an answer."""


def environment(scope: Any) -> dict[str, Any]:
    """The variables that granian's WSGI interface gives for this request, with an empty body.

    Headers with an underscore are dropped: `X_Forwarded_Proto` would pass for the proxy's `X-Forwarded-Proto`.
    """
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        # WSGI's strings are bytes in latin-1
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
    }
    for name, value in scope.headers.items():
        key = _KEYS.get(name)
        if key is None:
            if "_" in name:
                continue
            key = f"HTTP_{name.upper().replace('-', '_')}"
        if key in environ:
            environ[key] += f"{'; ' if name == 'cookie' else ','}{value}"
        else:
            environ[key] = value
    return environ


_KEYS = {
    "host": "HTTP_HOST",
    "user-agent": "HTTP_USER_AGENT",
    "accept": "HTTP_ACCEPT",
    "accept-encoding": "HTTP_ACCEPT_ENCODING",
    "content-type": "CONTENT_TYPE",
    "content-length": "CONTENT_LENGTH",
}


def declared_length(environ: dict[str, Any]) -> int:
    """Bytes of the body that a method with a body announces; 0 also for a chunked one, as under WSGI (so 411)."""
    if environ["REQUEST_METHOD"] in NO_BODY:
        return 0
    length = environ.get("CONTENT_LENGTH", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def body_file() -> IO[bytes]:
    """A file for `receive_body`; to be closed."""
    return SpooledTemporaryFile(BODY_IN_MEMORY_BYTES)


async def receive_body(proto: Any, length: int, body: IO[bytes]) -> None:
    """Fills the file, on the loop, while no thread waits. Raises BodyTooSlow, ClientGone and OSError."""
    received = 0
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(began + BODY_SECONDS) as deadline:
            async for chunk in proto:
                body.write(chunk)
                received += len(chunk)
                if received >= length:
                    break
                deadline.reschedule(began + BODY_SECONDS + received / BODY_BYTES_PER_SECOND)
    except TimeoutError:
        raise BodyTooSlow from None
    if received < length:
        raise ClientGone
    body.seek(0)
