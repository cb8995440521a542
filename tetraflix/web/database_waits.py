"""Bounds how long a web process waits for PostgreSQL: its event loop hardly at all, nobody for a server that is gone.

psycopg2 calls `_wait` whenever a connection or a statement of the process waits for the server
(https://www.psycopg.org/docs/advanced.html#support-for-coroutine-libraries). A wait of SUSPECT_SECONDS checks
whether the server responds at all. If not, the circuit breaker opens: all waits end, and each new one fails at once
(503) until a thread has reached the server again.
"""

import os
import select
import socket
import threading
import time
from typing import Any

import psycopg2
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg2 import extensions

from movies.foundation.background_threads import CircuitBreaker

LOOP_SECONDS = (
    0.05  # of a wait on the event loop, which usually takes 0.2 ms; then a thread takes the request
)
SUSPECT_SECONDS = 0.5  # a longer wait is for a slow statement, or for a server that does not answer
RESPONSE_SECONDS = 1.0  # for a server's first byte; with a round trip of 200 ms it takes 0.4 s
PROBE_INTERVAL_SECONDS = 0.25  # between two attempts to reach a server that did not answer
PROBE_SECONDS = 2.0  # of such an attempt; with TLS, SCRAM and a round trip of 200 ms it takes 1.6 s
MARGIN_SECONDS = (
    2.0  # beyond PostgreSQL's own time-out of a statement, which a frozen server process cannot keep
)
SSL_REQUEST = bytes(
    (0, 0, 0, 8, 4, 210, 22, 47)
)  # servers and poolers answer it with a byte, before any login


class LoopWouldWait(BaseException):
    """Ends a request on the event loop, for a thread to repeat it.

    Not an Exception, so that nobody on the way takes it for an error of the request (as asyncio.CancelledError).
    """


class Connection(extensions.connection):
    """A connection that fails after an outage, because it may have died silently: its owner then opens another."""

    is_probe = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.outage = _outages
        if breaker.open and not self.is_probe:
            raise psycopg2.OperationalError("PostgreSQL does not answer")  # before a socket is opened
        super().__init__(*args, **kwargs)


class _Probe(Connection):
    """A connection to find out whether the server is back."""

    is_probe = True


_outages = 0  # so far in this process
_loop_thread: int | None = None


def start() -> None:
    """From now on the waits of this process are bounded."""
    connections[DEFAULT_DB_ALIAS].settings_dict["OPTIONS"]["connection_factory"] = Connection
    extensions.set_wait_callback(_wait)


def free_this_thread() -> None:
    """From now on the calling thread, which runs the event loop, waits LOOP_SECONDS at most."""
    global _loop_thread  # noqa: PLW0603 - one for the process
    _loop_thread = threading.get_ident()


def _wait(connection: Any) -> None:
    """Returns when the operation of the connection has ended. Raises psycopg2.OperationalError and LoopWouldWait.

    psycopg2 then closes the connection.
    """
    began = time.monotonic()
    on_loop = threading.get_ident() == _loop_thread
    pause = LOOP_SECONDS if on_loop else SUSPECT_SECONDS
    is_probe = getattr(connection, "is_probe", False)
    while True:
        if not is_probe:
            _refuse_after_outage(connection)
        state = connection.poll()
        if state == extensions.POLL_OK:
            return
        if _ready(connection.fileno(), state, pause):
            continue
        waited = time.monotonic() - began
        if on_loop:
            raise LoopWouldWait
        if is_probe:
            if waited > PROBE_SECONDS:
                raise psycopg2.OperationalError("no answer")
        elif not _responds(connection.fileno()):
            _open_breaker(f"no answer for {waited:.1f} s")
        elif waited > (_statement_seconds() or waited):
            raise psycopg2.OperationalError("the server process does not keep to its time-out")


def _refuse_after_outage(connection: Any) -> None:
    if breaker.open:
        raise psycopg2.OperationalError("PostgreSQL does not answer")
    if getattr(connection, "outage", _outages) != _outages:
        raise psycopg2.OperationalError("the connection is older than an outage")


def _ready(descriptor: int, state: int, seconds: float) -> bool:
    """Whether the socket became readable or writable in time, as `state` asks."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
    return bool(poller.poll(seconds * 1000))


def _statement_seconds() -> float:
    """The longest time of a statement whose server keeps its own time-out; 0: there is no limit."""
    limit = settings.WEB_STATEMENT_TIMEOUT_MS / 1000
    return limit + MARGIN_SECONDS if limit else 0.0


def _responds(descriptor: int) -> bool:
    """Whether the other end of this socket answers a new connection in time. Needs no login."""
    deadline = time.monotonic() + RESPONSE_SECONDS
    with socket.socket(fileno=os.dup(descriptor)) as known:
        family = known.family
        try:
            address = known.getpeername()
        except OSError:
            return False  # it is not connected yet
    try:
        with socket.socket(family, socket.SOCK_STREAM) as another:
            another.settimeout(RESPONSE_SECONDS)
            another.connect(address)
            another.settimeout(max(deadline - time.monotonic(), 0.001))
            another.sendall(SSL_REQUEST)
            another.recv(1)
    except (ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
        return True  # its machine answers, so the wait will end by itself
    except OSError:
        return False
    return True


def _open_breaker(reason: str) -> None:
    global _outages  # noqa: PLW0603 - counted for the process
    if not breaker.open:
        _outages += 1
        breaker.trip(reason)


def _probe() -> None:
    """Returns if the server answers a statement: a pooler alone would take the connection."""
    parameters = connections[DEFAULT_DB_ALIAS].get_connection_params()
    found = psycopg2.connect(**parameters | {"connection_factory": _Probe})
    try:
        found.autocommit = True
        found.cursor().execute("SELECT 1")
    finally:
        found.close()


breaker = CircuitBreaker("PostgreSQL", _probe, every=PROBE_INTERVAL_SECONDS)
