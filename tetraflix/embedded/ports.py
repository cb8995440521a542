"""TCP ports of this machine: which are free, who listens, and whether an HTTP server answers."""

import http.client
import socket

import psutil


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
    """The preferred port, or any free one when that is taken or 0.

    No other caller gets it while this process lives, whether something listens on it already or not.
    """
    if preferred and port_is_free(preferred) and _reserve(preferred):
        return preferred
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if _reserve(port):
                return port


_reservations: list[socket.socket] = []  # open until this process ends


def _reserve(port: int) -> bool:
    """Whether the port is this process's now: the first one that binds this name in Linux's abstract namespace."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        name.bind(f"\0tetraflix-port-{port}")
    except OSError:
        name.close()
        return False
    _reservations.append(name)
    return True


def listens(pid: int | None, port: int) -> bool:
    """Whether this process, and not another one, listens on the port."""
    try:
        found = psutil.Process(pid).net_connections("tcp") if pid else []
    except psutil.Error:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr[1] == port for one in found)


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
