"""Fixtures for real servers: those of the session, and new ones that a test may kill."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.servers.plugin import servers_key
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


@pytest.fixture
def private_postgres(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A new, empty PostgreSQL for one test, which may kill, stop and restart it on the same port."""
    server = EmbeddedPostgres(open_folder / "postgres", 0, fsync=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def private_sqs(open_folder: Path) -> Iterator[EmbeddedSqs]:
    """A new SQS server for one test, which may kill, stop and restart it on the same port."""
    server = EmbeddedSqs(open_folder / "sqs", 0)
    server.start()
    yield server
    server.stop()
