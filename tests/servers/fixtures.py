"""Fixtures that lead a test to real servers: the session's own, or fresh ones that it may kill."""

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
    """The PostgreSQL of this session: everyone's, so not to be stopped (see private_postgres)."""
    return pytestconfig.stash[servers_key].postgres


@pytest.fixture(scope="session")
def sqs(pytestconfig: pytest.Config) -> EmbeddedSqs:
    """The SQS server of this session: everyone's, so not to be stopped (see private_sqs)."""
    return pytestconfig.stash[servers_key].sqs


@pytest.fixture
def database_url(transactional_db: None, postgres: EmbeddedPostgres) -> str:
    """The URL of the very database that this test sees, for the environment of a process that it starts."""
    return f"{postgres.url.rpartition('/')[0]}/{connection.settings_dict['NAME']}"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that any user can reach, unlike tmp_path: PostgreSQL may run as another one."""
    folder = Path(tempfile.mkdtemp(prefix="tetraflix-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def private_postgres(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test alone, started and empty; kill() or stop() it, start() keeps its port."""
    server = EmbeddedPostgres(open_folder / "postgres", 0, fsync=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def private_sqs(open_folder: Path) -> Iterator[EmbeddedSqs]:
    """An SQS server of this test alone; kill() or stop() it, start() keeps its port."""
    server = EmbeddedSqs(open_folder / "sqs", 0)
    server.start()
    yield server
    server.stop()
