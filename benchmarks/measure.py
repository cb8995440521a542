"""What benchmarks share: rows of the table, their own servers with seeded data, CPU time by process."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg2
from rich.console import Console

from tetraflix.embedded.ports import free_port
from tetraflix.embedded.postgres import EmbeddedPostgres
from tetraflix.embedded.processes import Child
from tetraflix.embedded.sqs import EmbeddedSqs

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `met` says whether the ratio, or else the value, meets `goal`."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    goal: str = ""  # "<= 3.2" or ">= 0.6", for the ratio, or for the value without a ratio
    met: bool | None = None


def row(name: str, value: float, unit: str, *, baseline: float | None = None, goal: str = "") -> Row:
    """The row with its ratio and whether it meets the goal."""
    ratio = value / baseline if baseline else None
    met = None
    if goal:
        sign, _, number = goal.partition(" ")
        figure = value if ratio is None else ratio
        met = figure <= float(number) if sign == "<=" else figure >= float(number)
    return Row(name, value, unit, baseline, ratio, goal, met)


@dataclass
class Context:
    """Servers in a temporary folder, and the sizes to measure at; var/ is not used."""

    folder: Path
    console: Console
    movies: int = field(default_factory=lambda: int(os.environ.get("BENCH_MOVIES", "300000")))
    users: int = field(default_factory=lambda: int(os.environ.get("BENCH_USERS", "200000")))
    seconds: float = field(default_factory=lambda: float(os.environ.get("BENCH_SECONDS", "2")))
    postgres: EmbeddedPostgres = field(init=False)
    sqs: EmbeddedSqs = field(init=False)
    _seeded: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.postgres = EmbeddedPostgres(self.folder / "postgres", 0)
        self.sqs = EmbeddedSqs(self.folder / "sqs", 0)

    def environment(self) -> dict[str, str]:
        """Variables by which the settings of this process and its children find these servers."""
        return {
            "DATABASE_URL": self.postgres.url,
            "AWS_ENDPOINT_URL_SQS": self.sqs.url,
            "AWS_REGION": "us-east-1",
            "TETRAFLIX_VAR": str(self.folder / "var"),
            "DJANGO_SETTINGS_MODULE": "tetraflix.settings",
            "PYTHONPATH": str(ROOT),
        }

    def say(self, text: str) -> None:
        self.console.print(f"[dim]{text}[/dim]", highlight=False)

    def manage(self, *words: str) -> str:
        """Runs a management command and returns its output. Raises CalledProcessError."""
        self.say(f"manage.py {' '.join(words)}")
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=os.environ | self.environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    def seed(self) -> None:
        """Seeds movies and users once, then vacuums, analyzes and checkpoints the database."""
        if self._seeded:
            return
        self.manage("seed_movies", "--movies", str(self.movies))
        self.manage("seed_users", "--users", str(self.users))
        self.sql("VACUUM ANALYZE")
        self.sql("CHECKPOINT")
        self._seeded = True

    def mark_lists_read(self) -> None:
        """Has every list read before, as those of hot reads are: the first read of a list is logged."""
        self.say("every list was read before")
        self.sql("UPDATE recommendations_userlists SET read_at = recommended_at")
        self.sql("VACUUM FULL ANALYZE recommendations_userlists")
        self.sql("CHECKPOINT")

    def sql(self, statement: str) -> None:
        """Runs one statement, outside any transaction."""
        connection = psycopg2.connect(self.postgres.url)
        connection.autocommit = True
        connection.cursor().execute(statement)
        connection.close()

    @contextlib.contextmanager
    def web(
        self,
        *,
        workers: int = 1,
        environment: dict[str, str] | None = None,
        application: str = "benchmarks.baseline",
    ) -> Iterator["Web"]:
        """The service with the constant view, under granian as `make run` starts it."""
        port = free_port(0)
        words = (
            f"--interface rsgi --http 1 --no-ws --host 127.0.0.1 --port {port} --workers {workers}"
            f" --no-access-log --log-level warning {application}:application"
        )
        child = Child(
            name="web",
            argv=[sys.executable, "-m", "granian", *words.split()],
            log=self.folder / "web.log",
            env=os.environ | self.environment() | (environment or {}),
            cwd=ROOT,
        )
        child.start()
        web = Web(port, child.pid or 0, self.postgres.pid or 0)
        try:
            child.wait_ready(web.answers, seconds=60)
            yield web
        finally:
            child.stop()


@dataclass(frozen=True, slots=True)
class Web:
    """A running web server."""

    port: int
    pid: int
    postgres_pid: int

    def get(self, path: str) -> bytes:
        """The body at this path. Raises OSError for any status but 200."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read()

    def answers(self) -> bool:
        try:
            self.get("/constant/1")
        except OSError:
            return False
        return True

    def load(
        self, path: str, *, numbers: int = 1, connections: int = 16, seconds: float = 2.0
    ) -> dict[str, Any]:
        """Results of the load generator, which runs in a second process."""
        words = {"port": self.port, "path": path, "numbers": numbers, "connections": connections}
        words |= {"seconds": seconds, "seed": time.monotonic_ns() % 1_000_000}
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "benchmarks.load",
                *(w for k, v in words.items() for w in (f"--{k}", str(v))),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def cpu_of_a_request(self, path: str, **load: Any) -> float:
        """Microseconds of CPU per request, of the processes of web server and PostgreSQL."""
        start = cpu_seconds(self.pid, self.postgres_pid)
        seen = self.load(path, **load)
        spent = cpu_seconds(self.pid, self.postgres_pid) - start
        # the CPU time includes the warm-up, the number of requests does not
        whole = seen["seconds"] + 0.3
        return 1e6 * spent * seen["seconds"] / whole / seen["requests"]


def cpu_seconds(*pids: int) -> float:
    """CPU time so far of these processes and their descendants."""
    spent = 0.0
    for pid in pids:
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                spent += times.user + times.system
    return spent


@contextlib.contextmanager
def clients_apart(*pids: int) -> Iterator[None]:
    """Gives the load generator a core of its own, and these processes and their descendants the others, if any.

    Clients run on other machines; on a shared core the generator would evict the caches of a waiting server.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    ours = {max(cores, default=0)}
    if len(cores) < 2:
        yield
        return
    os.sched_setaffinity(0, ours)  # the load generator inherits it
    _keep_to(cores - ours, *pids)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        _keep_to(cores, *pids)


def _keep_to(cores: set[int], *pids: int) -> None:
    for pid in pids:
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                for thread in one.threads():
                    os.sched_setaffinity(thread.id, cores)


def least(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The minimum of each measure, alternating, because other work on the machine only adds."""
    figures: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for kept, measure in zip(figures, measures, strict=True):
            kept.append(measure())
    return [min(kept) for kept in figures]


@contextlib.contextmanager
def servers(console: Console) -> Iterator[Context]:
    """A context with running, migrated servers, to which the environment points; removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="tetraflix-bench-"))
    folder.chmod(0o755)  # PostgreSQL may have to run as another user
    context = Context(folder, console)
    try:
        context.postgres.start()
        context.sqs.start()
        os.environ.update(context.environment())
        for name in ("MONGODB_URL", "ELASTICSEARCH_URL"):
            os.environ.pop(name, None)
        context.manage("migrate", "--verbosity", "0")
        context.manage("ensure_queues")
        yield context
    finally:
        context.sqs.stop()
        context.postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def as_json(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows in the form of var/bench.json."""
    names = ("name", "value", "unit", "baseline", "ratio", "goal", "met")
    return [{name: getattr(one, name) for name in names} for one in rows]
