"""ElasticMQ: an SQS server of others, which shows where the service relies on a habit of the embedded one."""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.servers.java import maven
from tests.servers.java.maven import UnavailableError, find_java
from tetraflix.embedded.ports import free_port, http_status
from tetraflix.embedded.processes import Child

VERSION = "1.6.12"
OLDEST_JAVA = 17
# Of the jars that version 1.6.12 needs, one after the other by name.
SHA256 = "73c432142ee991e58474d673d9ac441f64dc0b22d600c990059bf92047f317f5"
POM = f"""
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tetraflix</groupId><artifactId>tests</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId><version>{VERSION}</version>
  </dependency></dependencies>
</project>
"""
# The region differs from the client's, so the service has to ask the server for a queue's ARN.
CONFIGURATION = """
include classpath("application.conf")
node-address {{ protocol = http, host = "127.0.0.1", port = {port}, context-path = "" }}
rest-sqs {{ enabled = true, bind-hostname = "127.0.0.1", bind-port = {port}, sqs-limits = strict }}
rest-stats {{ enabled = false }}
aws {{ region = elasticmq, accountId = 000000000000 }}
queues-storage {{ enabled = true, path = "{folder}/queues.conf" }}
messages-storage {{ enabled = true, uri = "jdbc:h2:{folder}/messages" }}
"""


class ElasticMq:
    """An ElasticMQ on 127.0.0.1, with the promises of EmbeddedSqs: queues and messages in `state_dir` survive stop()
    and start(), and the port stays the same.
    """

    def __init__(self, state_dir: Path, *, java: Path, jars: Path) -> None:
        self.state_dir = state_dir
        self.java = java
        self.jars = jars
        self.port = free_port()
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, seconds: float = 120) -> str:
        """Starts it; returns its URL once it answers. Raises ChildError with its log."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        configuration = self.state_dir.with_suffix(".conf")
        configuration.write_text(CONFIGURATION.format(port=self.port, folder=self.state_dir))
        self.child = Child(
            name="ElasticMQ",
            argv=[
                *(str(self.java / "bin" / "java"), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
                "-Xmx256m",
                # Made by the first stop(), where Java is 19 or newer, it halves the CPU of a start.
                *("-XX:+IgnoreUnrecognizedVMOptions", "-XX:+AutoCreateSharedArchive"),
                f"-XX:SharedArchiveFile={self.jars}/classes.jsa",
                *(f"-Dconfig.file={configuration}", "-cp", f"{self.jars}/*", "org.elasticmq.server.Main"),
            ],
            log=self.state_dir.with_suffix(".log"),
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": str(self.state_dir)},
            cwd=self.state_dir,
            stop_signal=signal.SIGTERM,
        )
        self.child.start()
        self.child.wait_ready(lambda: http_status(self.port, "/health") == 200, seconds=seconds)
        return self.url

    def stop(self) -> None:
        """Stops it; the messages in its queues are kept."""
        if self.child:
            self.child.stop(seconds=30)

    def kill(self) -> None:
        """Kills it with SIGKILL; it has lost its last messages then."""
        if self.child:
            self.child.kill()


def _download(folder: Path) -> Path:
    (folder / "pom.xml").write_text(POM)
    jars = folder / "jars"
    maven.maven(folder, "-f", f"{folder}/pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime",
                f"-DoutputDirectory={jars}")  # fmt: skip
    digest = hashlib.sha256(b"".join(jar.read_bytes() for jar in sorted(jars.iterdir()))).hexdigest()
    if digest != SHA256:
        raise UnavailableError(
            f"the jars of ElasticMQ {VERSION} have the digest {digest} instead of {SHA256}"
        )
    return jars


Starter = Callable[[Path], AbstractContextManager[ElasticMq]]


@pytest.fixture(scope="session")
def start_elasticmq() -> Starter:
    """Starts a new ElasticMQ on this `state_dir` for a `with` block; where it cannot start, the test is skipped."""
    try:
        java, jars = find_java(OLDEST_JAVA), maven.install(f"elasticmq-{VERSION}", _download)
    except UnavailableError as error:
        pytest.skip(f"no ElasticMQ: {error}")

    @contextmanager
    def start(state_dir: Path) -> Iterator[ElasticMq]:
        server = ElasticMq(state_dir, java=java, jars=jars)
        try:
            server.start()
            yield server
        finally:
            server.kill()

    return start


@pytest.fixture(scope="session")
def elasticmq(start_elasticmq: Starter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ElasticMq]:
    """The ElasticMQ of this session, started at first use: shared, so tests must not stop it (see private_sqs)."""
    with start_elasticmq(tmp_path_factory.mktemp("sqs") / "elasticmq") as server:
        yield server
