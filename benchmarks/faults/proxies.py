"""Proxies between the service and its servers that lose, delay and refuse what passes through them."""

import asyncio
import contextlib
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

MAX_HEAD_BYTES = 64 * 1024
CONNECTIONS = "connections"  # counted in `effects`
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # the message by which psycopg2 commits


class Proxy:
    """A TCP proxy on 127.0.0.1 in front of a port, with an event loop in a thread of its own.

    Faults are set from any thread. Every client has a connection of its own to the server.
    """

    def __init__(self, target: int) -> None:
        self.target, self.port = target, 0
        self.delay = 0.0  # seconds, each way
        self.refusing = False  # cuts new connections at once
        self.effects = Counter[str]()  # how often it did what
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._flowing = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def cut(self) -> None:
        """Cuts all connections; what is under way is lost."""
        self._run(self._cut())

    def slow(self, *, delay: float, seconds: float) -> None:
        """Delays everything for so long."""
        self.delay = delay
        time.sleep(seconds)
        self.delay = 0.0

    def stall(self) -> None:
        """Lets nothing pass until `flow()`; connections are still taken."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        """Ends `stall()`; what was sent meanwhile arrives late."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def half_open(self, *, seconds: float) -> None:
        """Lets nothing pass for so long, then cuts all connections: what was under way never arrives."""
        self.stall()
        time.sleep(seconds)
        self.cut()
        self.flow()

    async def relay(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Passes data until either side ends. Whatever it raises cuts both connections."""
        await first_of(self._pass(client[0], server[1]), self._pass(server[0], client[1]))

    async def passage(self) -> None:
        """Returns when data may pass."""
        await self._flowing.wait()
        if self.delay:
            await asyncio.sleep(self.delay)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            await self.passage()
            sink.write(data)
            await sink.drain()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> None:
        self._flowing.set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MAX_HEAD_BYTES)
        self.port = server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        self.effects[CONNECTIONS] += 1
        opened = [writer]
        try:
            if self.refusing:
                return
            await self.passage()
            server = await asyncio.open_connection("127.0.0.1", self.target, limit=MAX_HEAD_BYTES)
            opened.append(server[1])
            await self.relay((reader, writer), server)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the client sees a cut connection
        finally:
            self._connections.discard(task)
            for each in opened:
                each.transport.abort()


class PostgresProxy(Proxy):
    """Cuts connections at a commit: before PostgreSQL gets it, or before the client gets the answer."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.commits_to_lose = 0
        self.answers_to_lose = 0

    async def relay(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        lose_answer = asyncio.Event()

        async def requests() -> None:
            while data := await client[0].read(65536):
                await self.passage()
                if COMMIT in data and self.commits_to_lose:
                    self.commits_to_lose -= 1
                    self.effects["commits lost"] += 1
                    return
                if COMMIT in data and self.answers_to_lose:
                    self.answers_to_lose -= 1
                    lose_answer.set()
                server[1].write(data)
                await server[1].drain()

        async def answers() -> None:
            while data := await server[0].read(65536):
                await self.passage()
                if lose_answer.is_set():
                    self.effects["commits unanswered"] += 1
                    return
                client[1].write(data)
                await client[1].drain()

        await first_of(requests(), answers())


class SqsProxy(Proxy):
    """Understands HTTP: refuses requests, and loses the answers to those that SQS has carried out."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.answers_to_lose: Counter[str] = Counter()  # by operation, for example DeleteMessageBatch
        self.deletes_to_ignore = 0  # answered as if done
        self.refusals: deque[tuple[int, str]] = deque()  # status and error of the next requests

    async def relay(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        while True:
            head, body = await http_message(client[0])
            await self.passage()
            operation = _operation(head)
            if self.refusals:
                self.effects["requests refused"] += 1
                client[1].write(_answer(*_refusal(*self.refusals.popleft())))
            elif operation == "DeleteMessageBatch" and self.deletes_to_ignore:
                self.deletes_to_ignore -= 1
                self.effects["deletes ignored"] += 1
                done = [{"Id": entry["Id"]} for entry in json.loads(body)["Entries"]]
                client[1].write(_answer(200, {"Successful": done, "Failed": []}))
            else:
                server[1].write(head + body)
                answer = await self._answer(client[0], server[0])
                if answer is None:
                    return
                if self.answers_to_lose[operation]:
                    self.answers_to_lose[operation] -= 1
                    self.effects[f"answers to {operation} lost"] += 1
                    return
                await self.passage()
                client[1].write(b"".join(answer))
            await client[1].drain()

    async def _answer(
        self, client: asyncio.StreamReader, server: asyncio.StreamReader
    ) -> tuple[bytes, bytes] | None:
        """The answer; None if the client ended its connection before, as a killed process does."""
        answer = asyncio.ensure_future(http_message(server))
        ended = asyncio.ensure_future(_ended(client))
        try:
            await asyncio.wait({answer, ended}, return_when=asyncio.FIRST_COMPLETED)
            return await answer if answer.done() else None
        finally:
            for task in (answer, ended):
                task.cancel()


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Runs all until the first one ends, and raises what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def http_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of the next request or answer. Raises EOFError at the end of the connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return head, await reader.readexactly(int(value))
    raise OSError(f"no Content-Length in {head!r}")


async def _ended(reader: asyncio.StreamReader) -> None:
    """Returns when the client has ended its connection; it sends nothing while it waits for an answer."""
    while not reader.at_eof():
        await asyncio.sleep(0.2)


def _operation(head: bytes) -> str:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"x-amz-target":
            return value.decode().strip().rpartition(".")[2]
    return ""


def _refusal(status: int, error: str) -> tuple[int, dict[str, str]]:
    return status, {"__type": f"com.amazonaws.sqs#{error}", "message": "refused by the simulator of faults"}


def _answer(status: int, body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} simulated\r\nContent-Type: application/x-amz-json-1.0\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
