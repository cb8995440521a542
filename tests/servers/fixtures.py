"""Fixtures for real servers: those of the session, and new ones that a test may kill."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from tests.servers.plugin import servers_key
from tests.servers.queues import SqsServer, bus_at
from tests.servers.web_process import ROOT
from tetraflix.embedded.postgres import EmbeddedPostgres
from tetraflix.embedded.sqs import EmbeddedSqs


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> EmbeddedPostgres:
    """The PostgreSQL of this session: shared, so tests must not stop it (see private_postgres)."""
    return pytestconfig.stash[servers_key].postgres


@pytest.fixture(scope="session")
def sqs(pytestconfig: pytest.Config) -> EmbeddedSqs:
    """The SQS server of this session: shared, so tests must not stop it (see private_sqs)."""
    return pytestconfig.stash[servers_key].sqs


@pytest.fixture
def sqs_kind(request: pytest.FixtureRequest) -> str:
    """The SQS server of this test: "embedded", unless a mark `sqs_servers` names others."""
    return getattr(request, "param", "embedded")


@pytest.fixture
def bus_server(
    sqs_kind: str, request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The bus, and the processes that this test starts, use the SQS server of this test."""
    if sqs_kind == "embedded":
        yield
        return
    server: SqsServer = request.getfixturevalue("elasticmq")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", server.url)
    with bus_at(server.url, settings):
        yield


@pytest.fixture
def database_url(transactional_db: None, postgres: EmbeddedPostgres) -> str:
    """The URL of this test's database, for the environment of a process that it starts."""
    return f"{postgres.url.rpartition('/')[0]}/{connection.settings_dict['NAME']}"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user can read, unlike tmp_path, because PostgreSQL may run as another user."""
    folder = Path(tempfile.mkdtemp(prefix="tetraflix-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgres_in(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "postgres", 0, fsync=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def private_postgres(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A new, empty PostgreSQL for one test, which may kill, stop and restart it on the same port."""
    with _postgres_in(open_folder) as server:
        yield server


@pytest.fixture(scope="session")
def _seeded_folder() -> Iterator[Path]:
    """The data folder of a stopped PostgreSQL with 20 movies and the lists of user 1."""
    folder = Path(tempfile.mkdtemp(prefix="tetraflix-test-"))
    folder.chmod(0o755)
    with _postgres_in(folder) as server:
        for words in ("migrate --verbosity 0", "seed_movies --movies 20 --seed 1", "seed_users --users 1"):
            argv = [sys.executable, "manage.py", *words.split()]
            subprocess.run(argv, cwd=ROOT, env={**os.environ, "DATABASE_URL": server.url}, check=True)
    yield folder / "postgres"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def seeded_postgres(_seeded_folder: Path, open_folder: Path) -> Iterator[EmbeddedPostgres]:
    """As private_postgres, with 20 movies and the lists of user 1."""
    subprocess.run(["cp", "-a", _seeded_folder, open_folder], check=True)  # keeps the owner
    with _postgres_in(open_folder) as server:
        yield server


@pytest.fixture
def private_sqs(sqs_kind: str, request: pytest.FixtureRequest, open_folder: Path) -> Iterator[SqsServer]:
    """A new SQS server for one test, which may kill, stop and restart it on the same port."""
    if sqs_kind == "elasticmq":
        with request.getfixturevalue("start_elasticmq")(open_folder / "elasticmq") as elasticmq:
            yield elasticmq
        return
    server = EmbeddedSqs(open_folder / "sqs", 0)
    server.start()
    yield server
    server.stop()
