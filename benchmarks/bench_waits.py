"""Reads beside others that wait: clients with silent bodies and half-sent heads, writers, slow pages, PostgreSQL.

The latencies are compared with those of the same process in quiet. During outages each request is made on a new
connection, and the longest counts.
"""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psutil
import psycopg2

from benchmarks.bench_reads import RECOMMENDATIONS, fill_lists
from benchmarks.faults.proxies import Proxy
from benchmarks.measure import Context, Row, Web, row
from movies.genres import GENRES

PROCESSES = 2
ROUNDS = 3
CONNECTIONS = 4
SILENT = 200  # half of them with half a head, half with a head whose body does not come
WRITERS = 4
PAGE_SECONDS = 5
OUTAGE_SECONDS = 8.0
WATCHED_SECONDS = 5.0  # after an outage
OK = 200
READS = {"recommendations": RECOMMENDATIONS, "healthz": "/healthz"}
OUTAGE_PATHS = (
    "/tetraflix/recommendations/7",
    "/tetraflix/genre/drama",
    "/tetraflix/movies?q=the",
    "/readyz",
    "/metrics",
)
GONE_SECONDS = 60.0  # after which a request counts as hung


def run(context: Context) -> list[Row]:
    context.seed()
    fill_lists(context)
    from tetraflix.access.api_keys import create_key  # noqa: PLC0415 - models need Django's apps

    distributor, service = (
        create_key(name=f"bench {role}", role=role)[1] for role in ("distributor", "service")
    )
    rows: list[Row] = []
    with context.web(workers=PROCESSES) as web:
        quiet = _latencies(context, web)
        for name, disturbance in (
            (f"{SILENT} silent clients", partial(silent_clients, web.port, service)),
            (
                f"{WRITERS} writers that wait for a lock",
                partial(waiting_writers, context, web.port, distributor),
            ),
            (f"{WRITERS} pages of {PAGE_SECONDS} s", partial(slow_pages, web.port)),
        ):
            before = _memory(web)
            with disturbance():
                context.say(name)
                found = _latencies(context, web)
                memory = _memory(web)
            rows += [
                row(f"{read} beside {name}: p99", found[read], "ms", baseline=quiet[read], goal="<= 3")
                for read in READS
            ]
            rows.append(
                row(f"web processes beside {name}: memory", memory, "MB", baseline=before, goal="<= 1.2")
            )
    with Proxy(context.postgres.port) as database, Proxy(context.sqs.port) as queues:
        behind_proxies = {
            "DATABASE_URL": context.postgres.url.replace(f":{context.postgres.port}/", f":{database.port}/"),
            "AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{queues.port}",
        }
        with context.web(workers=PROCESSES, environment=behind_proxies) as web:
            for name, outage in (
                ("PostgreSQL half-open", partial(half_open, database)),
                ("PostgreSQL frozen", partial(frozen, context)),
                ("PostgreSQL refused", partial(refused, context)),
                ("PostgreSQL slow by 200 ms", partial(slow, database)),
                ("SQS half-open", partial(half_open, queues)),
                ("SQS slow by 200 ms", partial(slow, queues)),
            ):
                context.say(name)
                rows += _outage(name, web, outage)
    return rows


def _latencies(context: Context, web: Web) -> dict[str, float]:
    """The p99 of each read in milliseconds, the least of ROUNDS."""
    return {
        read: min(
            web.load(path, numbers=context.users, connections=CONNECTIONS, seconds=context.seconds)["p99"]
            for _ in range(ROUNDS)
        )
        for read, path in READS.items()
    }


def _memory(web: Web) -> float:
    """Resident memory of the web processes in MB."""
    main = psutil.Process(web.pid)
    return sum(process.memory_info().rss for process in (main, *main.children(recursive=True))) / 1e6


# -- What waits ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def silent_clients(port: int, key: str) -> Iterator[None]:
    """Half-sent heads, and whole heads without their body; each comes again when the server closes it."""
    body = f"POST /tetraflix/userRecs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    body += "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    half = "GET /healthz HTTP/1.1\r\nHo"
    ended = threading.Event()

    def stay(sent: str) -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as client:
                client.settimeout(1)
                client.sendall(sent.encode())
                while not ended.is_set():
                    with contextlib.suppress(TimeoutError):
                        if not client.recv(4096):
                            break

    with _threads([partial(stay, sent) for sent in [body, half] * (SILENT // 2)], ended):
        time.sleep(1)  # they are connected
        yield


@contextlib.contextmanager
def waiting_writers(context: Context, port: int, key: str) -> Iterator[None]:
    """Changes of movies, while another transaction holds the lock that an import holds."""
    movie = json.dumps({"title": "Kahaani", "profile": dict.fromkeys(GENRES, 0) | {GENRES[0]: 100}})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            _ask(port, "/tetraflix/movies/7", "PUT", movie, headers)

    with contextlib.closing(psycopg2.connect(context.postgres.url)) as holder:
        holder.cursor().execute("SELECT 1 FROM movies_inventory FOR UPDATE")
        with _threads([write] * WRITERS, ended):
            yield


@contextlib.contextmanager
def slow_pages(port: int) -> Iterator[None]:
    """Pages whose statement takes PAGE_SECONDS."""
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            _ask(port, f"/page/{PAGE_SECONDS}")

    with _threads([read] * WRITERS, ended):
        yield


@contextlib.contextmanager
def _threads(work: Sequence[Callable[[], None]], ended: threading.Event) -> Iterator[None]:
    """Runs each function in a thread of its own; they return after `ended` is set."""
    with ThreadPoolExecutor(len(work)) as pool:
        done = [pool.submit(one) for one in work]
        try:
            yield
        finally:
            ended.set()
        for one in done:
            one.result()


# -- Outages ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def half_open(proxy: Proxy) -> Iterator[None]:
    proxy.stall()
    yield
    proxy.flow()


@contextlib.contextmanager
def frozen(context: Context) -> Iterator[None]:
    main = psutil.Process(context.postgres.pid)
    processes = (main, *main.children(recursive=True))
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


@contextlib.contextmanager
def refused(context: Context) -> Iterator[None]:
    context.postgres.stop()
    try:
        yield
    finally:
        context.postgres.start()


@contextlib.contextmanager
def slow(proxy: Proxy) -> Iterator[None]:
    proxy.delay = 0.1
    yield
    proxy.delay = 0.0


def _outage(name: str, web: Web, outage: Callable[[], contextlib.AbstractContextManager[None]]) -> list[Row]:
    """The longest request and /healthz during the outage, and when after it a read failed last."""
    longest: dict[str, float] = {"request": 0.0, "healthz": 0.0}
    ended = threading.Event()

    def ask(path: str, kind: str) -> None:
        while not ended.is_set():
            began = time.monotonic()
            _ask(web.port, path)
            longest[kind] = max(longest[kind], time.monotonic() - began)
            ended.wait(0.02)

    with outage():
        work = [partial(ask, path, "request") for path in OUTAGE_PATHS * 2] + [
            partial(ask, "/healthz", "healthz")
        ]
        with _threads(work, ended):
            time.sleep(OUTAGE_SECONDS)
    began = time.monotonic()
    back = 0.0
    while (asked := time.monotonic() - began) < WATCHED_SECONDS:
        if any(_ask(web.port, path) != OK for path in OUTAGE_PATHS):
            back = asked
    return [
        row(f"{name}: longest request", longest["request"], "s", goal="<= 2"),
        row(f"{name}: longest /healthz", longest["healthz"], "s", goal="<= 0.2"),
        row(f"{name}: last failed read after its end", back, "s", goal="<= 2"),
    ]


def _ask(
    port: int, path: str, method: str = "GET", body: str = "", headers: dict[str, str] | None = None
) -> int:
    """The status of a request on a connection of its own; 0 without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GONE_SECONDS)
    try:
        connection.request(method, path, body or None, headers or {})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:
        return 0
    finally:
        connection.close()
