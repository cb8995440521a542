"""Serves Django over granian's RSGI: hot reads and /healthz on the event loop, all else in small pools of threads.

The loop reads bodies and writes responses, so no thread waits for a client, and it does not wait for a slow database:
then reads go to threads of their own. So a silent client, a writer that waits for a lock, a long page of the admin
and a slow database stop neither reads nor /healthz.
"""

import asyncio
import logging
from asyncio import _set_running_loop
from collections.abc import Callable
from importlib import import_module
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple, cast

from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import request_started
from django.db import Error, connections
from django.http import HttpResponse, HttpResponseBase
from granian.rsgi import ProtocolClosed

from movies.bulk.text_file import MAX_BYTES
from tetraflix.access.api_keys import BadKey, caller_of
from tetraflix.web import error_responses, rsgi_request
from tetraflix.web.database_waits import LoopWouldWait
from tetraflix.web.request_instrumentation import PROBES, observe
from tetraflix.web.rsgi_request import BodyTooSlow, ClientGone
from tetraflix.web.thread_pool import PoolBusy, ThreadPool

logger = logging.getLogger(__name__)

# Hot reads: their work is one statement, or two after a change.
LISTS = "/tetraflix/recommendations/"
HOT_READS = (LISTS, "/tetraflix/genre/")
ONE_MOVIE = "/tetraflix/movies/"
READ_METHODS = frozenset(("GET", "HEAD"))
# A caller waits so long for a thread, twice if it sends a body: with a lock's wait it is answered within 2 s.
THREAD_WAIT_SECONDS = 0.4
READ_WAIT_SECONDS = 1.5  # the same for reads and probes while the database is slow
SLOW_DATABASE_SECONDS = 1.0  # after a wait that was too long for the loop, reads go to threads for so long
STREAM_IN_MEMORY_BYTES = 1024 * 1024  # of a streaming response; the rest is in a temporary file
CHUNK_BYTES = 64 * 1024
CHUNK_SECONDS = 30.0  # for the client to take a chunk of a streamed response


class Answer(NamedTuple):
    """A finished response; `body` is a file when the response streamed more than a little."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | IO[bytes]


INTERNAL_ERROR = Answer(
    500, [("Content-Type", "application/json")], b'{"detail": "Internal error; it is logged."}'
)


class Application:
    """The RSGI application. `hot`: beginnings of addresses whose GET and HEAD are answered on the loop."""

    def __init__(self, handler: WSGIHandler, *, hot: tuple[str, ...] = HOT_READS) -> None:
        self.handler = handler
        # Where a key counts, the time of its last use is written, which may wait for a lock.
        self._hot = () if settings.READS_NEED_KEY else hot
        # The waits of MongoDB's driver cannot be cut short.
        self._slow_store = LISTS if settings.MONGODB_URL else None
        self._slow_until = 0.0  # on the loop's clock
        self._refuse = observe(lambda request: request.refusal)  # type: ignore[attr-defined]

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pool = ThreadPool(threads=settings.WEB_THREADS, wait_seconds=THREAD_WAIT_SECONDS, name="web")
        # Threads of their own: writers cannot take those of reads; a process with many writers is healthy.
        self._reads = ThreadPool(threads=settings.WEB_THREADS, wait_seconds=READ_WAIT_SECONDS, name="reads")
        # /readyz does not wait for /metrics, which takes a dozen statements
        self._probes = ThreadPool(threads=2, wait_seconds=READ_WAIT_SECONDS, name="probes")

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        try:
            if scope.method in READ_METHODS and (scope.path == "/healthz" or self._is_hot(scope)):
                answer = self._answer_on_loop(scope) or await self._run(self._reads, _without_body(scope))
            else:
                answer = await self._answer_in_pool(scope, proto)
        except ClientGone:
            return
        except Exception:  # Django answers the errors of its views; no other may end without an answer
            logger.exception("a request failed outside of Django", extra={"path": scope.path})
            answer = INTERNAL_ERROR
        status, headers, body = answer
        if isinstance(body, bytes):
            proto.response_bytes(status, headers, body)
        else:
            await _send_file(proto, answer, body)

    def _is_hot(self, scope: Any) -> bool:
        path: str = scope.path
        if path.startswith(self._hot):
            return True
        return bool(self._hot) and path.startswith(ONE_MOVIE) and "authorization" not in scope.headers

    def _answer_on_loop(self, scope: Any) -> Answer | None:
        """None when a thread has to answer, because the loop would wait for a database."""
        if scope.path != "/healthz" and (
            self._loop.time() < self._slow_until
            or (self._slow_store and scope.path.startswith(self._slow_store))
        ):
            return None
        # Django's connections and its checks for async code depend on the running loop; this is sync code.
        _set_running_loop(None)
        try:
            return self._read(_without_body(scope))
        except LoopWouldWait:
            self._slow_until = self._loop.time() + SLOW_DATABASE_SECONDS
            connections.close_all()
            return None
        finally:
            _set_running_loop(self._loop)

    async def _answer_in_pool(self, scope: Any, proto: Any) -> Answer:
        environ = rsgi_request.environment(scope)
        if "authorization" in scope.headers:
            # granian leaves out a header that is not text, which is no valid key
            environ.setdefault("HTTP_AUTHORIZATION", "")
        pool = self._probes if scope.path in PROBES else self._pool
        length = rsgi_request.declared_length(environ)
        if not length:
            return await self._run(pool, WSGIRequest(environ))
        with rsgi_request.body_file() as body:
            environ["wsgi.input"] = body  # empty for Django unless it is received
            request = WSGIRequest(environ)
            try:
                if await self._takes_body(request, length):
                    await rsgi_request.receive_body(proto, length, body)
            except BodyTooSlow:
                return self._refusal(request, error_responses.body_too_slow)
            except PoolBusy:
                return self._refusal(request, error_responses.busy)
            except OSError as error:
                logger.error("cannot keep the body of a request: %s", error, extra={"path": request.path})
                return self._refusal(request, error_responses.body_not_kept)
            return await self._run(pool, request)

    async def _takes_body(self, request: WSGIRequest, length: int) -> bool:
        """Whether the body is worth receiving: Django answers other requests without it, by 401, 403 or 413."""
        if request.path.startswith(error_responses.API):
            return length <= _max_body_bytes() and await self._pool.run(_may_have_valid_key, request)
        if length <= _max_body_bytes():
            return True
        # Only staff upload files of movies.
        return length <= MAX_BYTES + _max_body_bytes() and await self._pool.run(_may_be_staff, request)

    async def _run(self, pool: ThreadPool, request: WSGIRequest) -> Answer:
        try:
            return await pool.run(self._answer, request)
        except PoolBusy:
            return self._refusal(request, error_responses.busy)

    def _read(self, request: WSGIRequest) -> Answer:
        """As `_answer`, without Django's signals of a request, which take as long as the rest of a lean one.

        They renew connections, and the statements of hot reads do so themselves (PreparedStatement).
        """
        response = cast(HttpResponse, self.handler.get_response(request))
        return Answer(response.status_code, list(response.headers.items()), response.content)

    def _answer(self, request: WSGIRequest) -> Answer:
        """What Django's WSGIHandler does, and the end of the request, in the thread that holds its connection."""
        request_started.send(sender=WSGIHandler, environ=request.environ)
        response = self.handler.get_response(request)
        response._handler_class = WSGIHandler  # type: ignore[attr-defined]
        headers = list(response.headers.items())
        if response.cookies:
            headers += [("Set-Cookie", cookie.output(header="")) for cookie in response.cookies.values()]
        try:
            body = response.content if isinstance(response, HttpResponse) else _collected(request, response)
        finally:
            response.close()  # sends request_finished
        return Answer(response.status_code, headers, body)

    def _refusal(self, request: WSGIRequest, make: Callable[[WSGIRequest], HttpResponse]) -> Answer:
        """A response without a thread. It is measured and has a request id like any other."""
        request.refusal = make(request)  # type: ignore[attr-defined]
        response = self._refuse(request)
        return Answer(response.status_code, list(response.headers.items()), response.content)


def _without_body(scope: Any) -> WSGIRequest:
    return WSGIRequest(rsgi_request.environment(scope))


def _max_body_bytes() -> int:
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0


def _may_have_valid_key(request: WSGIRequest) -> bool:
    """False when the key is certainly missing or invalid; a database that is unavailable cannot say."""
    try:
        return caller_of(request) is not None
    except BadKey:
        return False
    except Error:
        return True


def _may_be_staff(request: WSGIRequest) -> bool:
    """False when the session is certainly not that of staff."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    request.session = store(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    try:
        return bool(getattr(get_user(request), "is_staff", False))
    except Error:
        return True


def _collected(request: WSGIRequest, response: HttpResponseBase) -> bytes | IO[bytes]:
    """All that a streaming response streams, in this thread, which it may depend on. HEAD streams nothing."""
    if request.method == "HEAD":
        return b""
    file = SpooledTemporaryFile(STREAM_IN_MEMORY_BYTES)  # noqa: SIM115 - _send_file closes it
    try:
        for chunk in response:
            file.write(chunk)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    if size > STREAM_IN_MEMORY_BYTES:
        return file
    with file:
        return file.read()


async def _send_file(proto: Any, answer: Answer, file: IO[bytes]) -> None:
    """Sends the file as fast as the client takes it. A client that takes nothing for CHUNK_SECONDS is dropped."""
    with file:
        transport = proto.response_stream(answer.status, answer.headers)
        while chunk := file.read(CHUNK_BYTES):
            try:
                async with asyncio.timeout(CHUNK_SECONDS):
                    await transport.send_bytes(chunk)
            except (ProtocolClosed, TimeoutError):
                return
