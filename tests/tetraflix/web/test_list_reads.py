"""Web processes log the first read of each list once, through kills, outages and reads of two at a time."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.db import connection

from recommendations import stores
from recommendations.list_reads import FirstRead
from recommendations.models import ListRead
from recommendations.user_lists import UserLists
from tests.movies.factories import movie, other_connection
from tests.servers.web_process import WebProcess
from tests.waiting import wait_until
from tetraflix.embedded.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
MADE = datetime(2026, 11, 24, 12, tzinfo=UTC)
OTHERS = """FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
CONNECTED = f"SELECT count(*) {OTHERS}"
WAITING = f"SELECT count(*) {OTHERS} AND wait_event_type = 'Lock'"
# A session that waits goes on when it gets the lock, although its client is gone.
END_WAITING = f"SELECT count(pg_terminate_backend(pid)) {OTHERS} AND wait_event_type = 'Lock'"


@pytest.fixture
def lists(database_url: str) -> UserLists:
    """Users 7 and 8 have this list, which nobody has read."""
    movie("Kahaani", movie_id=1)
    lists = UserLists((1,), MADE, recommended_by="mixture")
    stores.current().write([(7, lists), (8, lists)])
    return lists


def web(tmp_path: Path, database_url: str, name: str = "web", **env: str) -> WebProcess:
    env |= {"DATABASE_URL": database_url, "TETRAFLIX_VAR": str(tmp_path / "var"), "WEB_LOCK_TIMEOUT_MS": "0"}
    return WebProcess(tmp_path / f"{name}.log", **env)


def shown(process: WebProcess, user_id: int = 7) -> list[int]:
    link = http.client.HTTPConnection("127.0.0.1", process.port, timeout=30)
    try:
        link.request("GET", f"/tetraflix/recommendations/{user_id}")
        body: Any = json.loads(link.getresponse().read())
        return [movie["id"] for movie in body["recommendations"]]
    finally:
        link.close()


def metric(process: WebProcess, state: str) -> float:
    link = http.client.HTTPConnection("127.0.0.1", process.port, timeout=30)
    try:
        link.request("GET", "/metrics")
        lines = link.getresponse().read().decode().splitlines()
    finally:
        link.close()
    name = f'tetraflix_list_reads_total{{state="{state}"}} '
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)


def count(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def logged() -> list[FirstRead]:
    return [
        FirstRead(row.user_id, row.made_at, row.read_at, row.made_by, tuple(row.movies))
        for row in ListRead.objects.order_by("user_id", "made_at")
    ]


@contextmanager
def log_in_use() -> Iterator[Callable[[int], None]]:
    """Nobody can write to the log meanwhile. Yields what waits until so many processes wait for it."""
    with other_connection() as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE recommendations_listread IN EXCLUSIVE MODE")

        yield lambda writers: wait_until(lambda: count(WAITING) == writers, seconds=30)


def test_a_read_is_logged_once_however_often_the_list_is_read(
    tmp_path: Path, database_url: str, lists: UserLists
):
    with web(tmp_path, database_url) as process:
        before = datetime.now(UTC)
        assert [shown(process) for _ in range(5)] == [[1]] * 5
        wait_until(lambda: logged() != [], seconds=30)
        after = datetime.now(UTC)
        assert shown(process, 8) == [1]
        wait_until(lambda: len(logged()) == 2, seconds=30)
        wait_until(lambda: metric(process, "logged") == 2)
        assert (metric(process, "found"), metric(process, "lost")) == (2, 0)
    first, second = logged()
    assert first == FirstRead(7, MADE, first.read_at, "mixture", (1,))
    assert before.replace(microsecond=before.microsecond // 1000 * 1000) <= first.read_at <= after
    assert (second.user_id, second.made_at) == (8, MADE)
    assert [found.read_at for _, found in stores.current().scan(0, 10)] == [first.read_at, second.read_at]


def test_a_process_that_is_stopped_logs_what_it_was_about_to(
    tmp_path: Path, database_url: str, lists: UserLists
):
    with web(tmp_path, database_url) as process:
        assert [shown(process, user_id) for user_id in (7, 8)] == [[1], [1]]
        process.child.stop()
    assert [read.user_id for read in logged()] == [7, 8]


def test_two_processes_log_a_list_that_both_showed_once_and_as_of_the_earlier_read(
    tmp_path: Path, database_url: str, lists: UserLists
):
    with web(tmp_path, database_url, "one") as one, web(tmp_path, database_url, "other") as other:
        with log_in_use() as wait_for:
            assert shown(other) == [1]
            between = datetime.now(UTC)
            assert shown(one) == [1]
            wait_for(2)
        wait_until(lambda: metric(one, "logged") == 2, seconds=30)  # of both processes
    (read,) = logged()
    assert read.read_at <= between


def test_a_process_killed_before_it_wrote_leaves_the_list_unread_and_its_next_read_is_logged(
    tmp_path: Path, database_url: str, lists: UserLists
):
    with web(tmp_path, database_url, "killed") as killed:
        with log_in_use() as wait_for:
            assert shown(killed) == [1]
            wait_for(1)
            killed.child.kill()
        wait_until(lambda: not count(CONNECTED), seconds=30)
    assert (logged(), stores.current().read(7)) == ([], lists)
    before = datetime.now(UTC)
    with web(tmp_path, database_url, "next") as process:
        assert shown(process) == [1]
        wait_until(lambda: logged() != [], seconds=30)
    (read,) = logged()
    assert before <= read.read_at


def test_a_process_killed_between_the_log_and_the_mark_changes_nothing(
    tmp_path: Path, database_url: str, lists: UserLists
):
    with web(tmp_path, database_url, "killed") as killed:
        with other_connection() as other, other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM recommendations_userlists FOR UPDATE")  # the mark waits for it
            assert shown(killed) == [1]
            wait_until(lambda: len(logged()) == 1, seconds=30)
            killed.child.kill()
            assert count(END_WAITING) == 1
        wait_until(lambda: not count(CONNECTED), seconds=30)
    once = logged()
    with web(tmp_path, database_url, "next") as process:
        assert shown(process) == [1]
        wait_until(lambda: metric(process, "logged") == 1, seconds=30)
    assert logged() == once
    (marked,) = [found for user_id, found in stores.current().scan(0, 10) if user_id == 7]
    assert marked.read_at is not None


def test_nothing_is_logged_where_nothing_is_kept(tmp_path: Path, database_url: str, lists: UserLists):
    with web(tmp_path, database_url, EXPOSURES_KEPT_DAYS="0") as process:
        assert shown(process) == [1]
        process.child.stop()  # which would write what waits
    assert (logged(), stores.current().read(7)) == ([], lists)


def test_a_read_before_postgresql_is_killed_is_logged_when_it_is_back(
    tmp_path: Path, seeded_postgres: EmbeddedPostgres
):
    def rows() -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(seeded_postgres.url)) as link, link.cursor() as cursor:
            cursor.execute("SELECT user_id, read_at FROM recommendations_listread")
            return cursor.fetchall()

    with web(tmp_path, seeded_postgres.url) as process:
        with closing(psycopg2.connect(seeded_postgres.url)) as link, link.cursor() as cursor:
            cursor.execute("LOCK TABLE recommendations_listread IN EXCLUSIVE MODE")
            before = datetime.now(UTC)
            assert shown(process, 1)
            after = datetime.now(UTC)
            seeded_postgres.kill()
        seeded_postgres.start()
        wait_until(lambda: rows() != [], seconds=60)
        wait_until(lambda: process.get("/tetraflix/recommendations/1") == 200, seconds=60)
    ((user_id, read_at),) = rows()
    assert user_id == 1
    assert before.replace(microsecond=before.microsecond // 1000 * 1000) <= read_at <= after
