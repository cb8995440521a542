"""Web processes have time-outs for the database; the worker, beat and commands have none."""

import logging
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from pytest_django import Settings

from movies.foundation.prepared_statements import PreparedStatement
from tests.waiting import wait_until
from tetraflix.embedded.ports import free_port
from tetraflix.web import statement_timeouts

SHOW = """
from django.db import connection
with connection.cursor() as cursor:
    for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        cursor.execute(f"SHOW {name}")
        print(cursor.fetchone()[0])
"""
NONE = ["0", "0", "0"]


def shown(start: str, database_url: str, **env: str) -> list[str]:
    """The time-outs of a connection in a new process that starts like this."""
    argv = [sys.executable, "-c", f"{start}\n{SHOW}"]
    env = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tetraflix.settings"} | env
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.split()


def test_a_web_process_has_the_timeouts_of_the_settings(database_url: str):
    entry = "import tetraflix.wsgi"
    assert shown(entry, database_url) == ["15s", "2s", "30s"]
    given = {
        "WEB_STATEMENT_TIMEOUT_MS": "1234",
        "WEB_LOCK_TIMEOUT_MS": "0",
        "WEB_IDLE_IN_TRANSACTION_TIMEOUT_MS": "60000",
    }
    assert shown(entry, database_url, **given) == ["1234ms", "0", "1min"]


@pytest.mark.parametrize(
    "start",
    [
        "import django; django.setup()",
        "from tetraflix.celery import app; app.finalize(); app.loader.init_worker()",
    ],
)
def test_the_worker_and_commands_have_none(database_url: str, start: str):
    assert shown(start, database_url) == NONE


def timeouts() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
            " current_setting('idle_in_transaction_session_timeout')"
        )
        return list(cursor.fetchone())


@pytest.fixture
def new_connection(transactional_db: None) -> Any:
    """The test opens a new connection, and so does the next test."""
    connection.close()
    yield
    statement_timeouts.connection_created.disconnect(dispatch_uid="time-outs of web processes")
    connection.close()


def test_hot_reads_have_them_too(new_connection: None):
    statement_timeouts.start()
    show = PreparedStatement("show_timeout", (), "SELECT current_setting('statement_timeout')")
    assert show.row() == ("15s",)
    connection.close()
    assert show.row() == ("15s",)


def test_behind_a_pooler_nothing_is_set_and_a_warning_is_logged(
    new_connection: None, caplog: pytest.LogCaptureFixture
):
    """The pid that a pooler reports to its clients is not the server's."""
    connection.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    pooled = SimpleNamespace(
        connection=SimpleNamespace(get_backend_pid=lambda: pid + 1), cursor=connection.cursor
    )
    with caplog.at_level(logging.WARNING):
        statement_timeouts.set_timeouts(None, pooled)
    assert timeouts() == NONE
    assert "The database is behind a pooler" in caplog.text


@pytest.fixture
def pooled_url(database_url: str, open_folder: Path) -> Iterator[str]:
    """The test's database through a pgbouncer with one server connection for all its clients."""
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if program is None:
        pytest.skip("no pgbouncer here: apt install pgbouncer")
    address, port = urlsplit(database_url), free_port()
    (open_folder / "users").write_text(f'"{address.username}" ""\n')
    (open_folder / "pgbouncer.ini").write_text(
        f"""[databases]
* = host={address.hostname} port={address.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {open_folder}/users
pool_mode = transaction
default_pool_size = 1
"""
    )
    unprivileged = ["-u", "nobody"] if os.getuid() == 0 else []  # it refuses to be root
    process = subprocess.Popen([program, "-q", *unprivileged, str(open_folder / "pgbouncer.ini")])
    try:
        wait_until(lambda: listens(port))
        yield address._replace(netloc=f"{address.username}@127.0.0.1:{port}").geturl()
    finally:
        process.terminate()
        process.wait(10)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_nothing_leaks_through_a_pool_of_transactions(pooled_url: str):
    """Neither the web process nor the next client of its server connection has a time-out."""
    assert shown("import tetraflix.wsgi", pooled_url) == NONE
    assert shown("import django; django.setup()", pooled_url) == NONE


def test_a_connection_that_is_lost_at_once_is_not_kept_without_them(
    new_connection: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        statement_timeouts, "SET_TIMEOUTS", "SELECT pg_terminate_backend(pg_backend_pid()), %s, %s, %s, %s"
    )
    statement_timeouts.start()
    with pytest.raises(Exception, match="terminat"):
        connection.ensure_connection()
    assert connection.connection is None


def test_a_negative_timeout_is_refused_by_name(settings: Settings):
    argv = [sys.executable, "-c", "import tetraflix.settings"]
    done = subprocess.run(
        argv, env={**os.environ, "WEB_LOCK_TIMEOUT_MS": "-1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "WEB_LOCK_TIMEOUT_MS" in done.stderr
