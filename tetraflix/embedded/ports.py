"""TCP ports of this machine: which are free, and whether an HTTP server answers."""

import http.client
import socket


def port_is_free(port: int) -> bool:
    """Whether a server could listen on the port now, on any address of this machine."""
    for address in ("0.0.0.0", "127.0.0.1"):  # noqa: S104  (closed at once)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def free_port(preferred: int = 0) -> int:
    """The preferred port, or any free one when that is taken or 0."""
    if preferred and port_is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def http_status(port: int, path: str, *, seconds: float = 2) -> int | None:
    """The status with which the server on this port answers a GET; None when it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
