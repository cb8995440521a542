"""A web process whose PostgreSQL is frozen, half-open, stopped or slow: it waits within limits, and recovers."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
import psycopg2
import pytest

from benchmarks.faults.proxies import CONNECTIONS, Proxy
from tests.servers.web_process import WebProcess
from tests.waiting import wait_until
from tetraflix.embedded.postgres import EmbeddedPostgres

pytestmark = pytest.mark.timeout(300)
GENRE = "/tetraflix/genre/action"  # hot reads
LISTS = "/tetraflix/recommendations/7"
SEARCH = "/tetraflix/movies?q=one"  # through the ORM
UNKNOWN = "/tetraflix/nothing"  # needs no database
PAGES = (GENRE, LISTS, SEARCH)
# A request takes about 2 s at most; a machine ten times slower adds to that, a hang would take a minute and more.
LIMIT_SECONDS = 10.0
LONGEST_SECONDS = 60.0


@pytest.fixture
def proxy(seeded_postgres: EmbeddedPostgres) -> Iterator[Proxy]:
    with Proxy(seeded_postgres.port) as proxy:
        yield proxy


@pytest.fixture
def web(seeded_postgres: EmbeddedPostgres, proxy: Proxy, tmp_path: Path) -> Iterator[WebProcess]:
    """A web process that reaches the database through the proxy, and has answered reads."""
    url = seeded_postgres.url.replace(f":{seeded_postgres.port}/", f":{proxy.port}/")
    with WebProcess(tmp_path / "web.log", DATABASE_URL=url) as web:
        assert [get(web, path)[0] for path in PAGES] == [200] * 3
        yield web


def get(web: WebProcess, path: str) -> tuple[int, http.client.HTTPMessage, bytes, float]:
    """Status, headers, body, and the seconds that it took."""
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=LONGEST_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    return answer.status, answer.headers, body, time.monotonic() - started


def refuses(web: WebProcess, first: str) -> None:
    """Reads are answered 503, the first one after a limited wait; what needs no database is answered as ever."""
    longest = 0.0
    for path in (first, *PAGES, *PAGES):
        status, headers, body, seconds = get(web, path)
        assert (status, headers["Retry-After"]) == (503, "2")
        assert json.loads(body) == {"detail": "The database is unavailable. Try again in a moment."}
        longest = max(longest, seconds)
    for path, expected in (("/healthz", 200), (UNKNOWN, 404)):
        status, _, _, seconds = get(web, path)
        assert status == expected
        longest = max(longest, seconds)
    print(f"longest request: {longest:.2f} s")  # noqa: T201 -- measured with pytest -s
    assert longest < LIMIT_SECONDS


def answers(web: WebProcess, path: str) -> bool:
    return get(web, path)[0] == 200


def recovers(web: WebProcess) -> None:
    """The same process answers reads again."""
    started = time.monotonic()
    for path in PAGES:
        wait_until(partial(answers, web, path), seconds=30)
    print(f"recovered within {time.monotonic() - started:.2f} s")  # noqa: T201
    assert web.output().count("Spawning worker") == 1  # without a restart


def signal_all(server: EmbeddedPostgres, name: str) -> None:
    """Sends the signal to the server's processes: `suspend` freezes them, `resume` lets them go on."""
    main = psutil.Process(server.pid)
    for process in (main, *main.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # a process ends with its connection
            getattr(process, name)()


@pytest.mark.parametrize("first", [GENRE, SEARCH])
def test_a_frozen_database_stops_no_request(
    seeded_postgres: EmbeddedPostgres, web: WebProcess, first: str
) -> None:
    signal_all(seeded_postgres, "suspend")
    try:
        refuses(web, first)
    finally:
        signal_all(seeded_postgres, "resume")
    recovers(web)


@pytest.mark.parametrize("first", [GENRE, SEARCH])
def test_a_half_open_connection_stops_no_request(proxy: Proxy, web: WebProcess, first: str) -> None:
    proxy.stall()
    refuses(web, first)
    proxy.flow()
    recovers(web)


def test_only_one_thread_looks_for_a_database_that_does_not_answer(proxy: Proxy, web: WebProcess) -> None:
    """The server is not met by a crowd of dead connections when it is back."""
    proxy.stall()
    refuses(web, GENRE)
    before = proxy.effects[CONNECTIONS]
    assert {get(web, path)[0] for path in PAGES * 30} == {503}
    assert proxy.effects[CONNECTIONS] - before < 30
    proxy.flow()
    recovers(web)


def test_a_stopped_database_stops_no_request(seeded_postgres: EmbeddedPostgres, web: WebProcess) -> None:
    seeded_postgres.stop()
    refuses(web, GENRE)
    seeded_postgres.start()
    recovers(web)


def test_a_slow_statement_of_a_server_that_answers_is_not_ended(
    seeded_postgres: EmbeddedPostgres, web: WebProcess
) -> None:
    """It waits for a lock beyond the check of the server, up to PostgreSQL's own limit; others go on."""
    holder = psycopg2.connect(seeded_postgres.url)
    holder.cursor().execute("LOCK TABLE movies_movie IN ACCESS EXCLUSIVE MODE")
    try:
        status, _, body, _ = get(web, SEARCH)
    finally:
        holder.close()
    assert status == 503
    assert json.loads(body)["detail"].startswith("The same data is being changed")
    assert "PostgreSQL is unavailable" not in web.output()
    assert get(web, SEARCH)[0] == 200


def test_reads_that_wait_for_the_database_do_not_hold_the_loop(
    seeded_postgres: EmbeddedPostgres, proxy: Proxy, tmp_path: Path
) -> None:
    """Every hot read waits for a lock, for as long as the test likes; /healthz is answered meanwhile."""
    url = seeded_postgres.url.replace(f":{seeded_postgres.port}/", f":{proxy.port}/")
    patient = {"WEB_LOCK_TIMEOUT_MS": "120000", "WEB_STATEMENT_TIMEOUT_MS": "120000"}
    with (
        WebProcess(tmp_path / "web.log", DATABASE_URL=url, **patient) as web,
        contextlib.closing(psycopg2.connect(seeded_postgres.url)) as holder,
        ThreadPoolExecutor(3) as clients,
    ):
        holder.cursor().execute("LOCK TABLE movies_inventory IN ACCESS EXCLUSIVE MODE")
        reads = [clients.submit(get, web, path) for path in (GENRE, LISTS, GENRE)]
        # one more is the statement that the loop gave up, which ends by PostgreSQL's time-out
        wait_until(lambda: waiting_for_a_lock(seeded_postgres) > len(reads), seconds=60)
        assert get(web, "/healthz")[0] == get(web, "/healthz")[0] == 200
        assert not any(read.done() for read in reads)
        holder.rollback()
        assert [read.result()[0] for read in reads] == [200] * len(reads)
        assert "PostgreSQL is unavailable" not in web.output()


def waiting_for_a_lock(seeded_postgres: EmbeddedPostgres) -> int:
    """The number of statements that wait for one."""
    with (
        contextlib.closing(psycopg2.connect(seeded_postgres.url)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'"
        )
        (count,) = cursor.fetchone() or (0,)
        return int(count)


def test_a_slow_network_fails_no_request(proxy: Proxy, web: WebProcess) -> None:
    """Round trips of 200 ms, which are more than the loop waits for and less than an outage."""
    proxy.delay = 0.1
    paths = ["/healthz", *PAGES] * 6
    with ThreadPoolExecutor(4) as clients:
        assert [got[0] for got in clients.map(partial(get, web), paths)] == [200] * len(paths)
    assert "PostgreSQL is unavailable" not in web.output()


def test_a_movie_hidden_during_an_outage_is_not_shown_after_it(
    seeded_postgres: EmbeddedPostgres, proxy: Proxy, web: WebProcess
) -> None:
    before = json.loads(get(web, GENRE)[2])["genre"]
    hidden = before[0]["id"]
    proxy.stall()
    refuses(web, GENRE)
    with contextlib.closing(psycopg2.connect(seeded_postgres.url)) as connection, connection:
        connection.cursor().execute("UPDATE movies_movie SET hidden = true WHERE id = %s", [hidden])
    proxy.flow()
    recovers(web)
    after = [movie["id"] for movie in json.loads(get(web, GENRE)[2])["genre"]]
    assert after == [movie["id"] for movie in before if movie["id"] != hidden]
    assert hidden not in {movie["id"] for movie in json.loads(get(web, LISTS)[2])["recommendations"]}
