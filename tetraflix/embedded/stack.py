"""Runs the whole service on one machine: prepares it, and starts servers and programs in order."""

import fcntl
import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from tetraflix.configuration import stack_addresses
from tetraflix.embedded import demo_login, disk, static_files
from tetraflix.embedded.ports import http_status, port_is_free
from tetraflix.embedded.postgres import EmbeddedPostgres
from tetraflix.embedded.processes import ChildError, Inner, Program
from tetraflix.embedded.sqs import DUMMY_CREDENTIALS, REGION, EmbeddedSqs
from tetraflix.embedded.supervisor import EndedError, StopRequested, Supervisor

CELERY = ["-m", "celery", "-A", "tetraflix"]
# Threads, because nothing may fork beside the consumer's threads. Without messages between workers, because each
# would be a paid request to SQS.
WORKER = [
    *("--pool", "threads", "--concurrency", "2"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
]
# of the browsable API and of ReDoc, whose compression is a third of the work
NOT_SERVED = ["--ignore", "rest_framework", "--ignore", "redoc"]


class CannotStartError(Exception):
    """The stack was not started; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run. A server with an address is used as it is; without one the embedded server is started."""

    var_dir: Path
    base_dir: Path
    port: int
    web_workers: int
    database_url: str | None
    sqs_url: str | None
    embedded_sqs: bool
    extra_addresses: Mapping[str, str]  # of other servers, for commands in another terminal
    demo: "Demo | None" = None


@dataclass(frozen=True)
class Demo:
    """The size of the demo: movies, users, and sessions a second; whether lists arrive over the bus, too.

    `preferences` is the percent of the users that are given fixed ones, `experiment` the name of one that runs.
    """

    movies: int
    users: int
    rate: float
    sister_lists: bool = False
    preferences: int = 50
    experiment: str = "demo"


def run(plan: Plan, console: Console) -> int:
    """Runs the stack until a signal stops it (returns 0), or until a part of it dies too often (1).

    Then everything is stopped. Raises CannotStartError when nothing was started.
    """
    with stack_lock(plan.var_dir):
        if not port_is_free(plan.port):
            raise CannotStartError(
                f"Port {plan.port} is taken: stop what listens there, or choose another (PORT=8001 make run)."
            )
        supervisor = Supervisor(console=console, var_dir=plan.var_dir, cwd=plan.base_dir)
        stack = Stack(plan, supervisor)
        try:
            with supervisor:
                try:
                    stack.start()
                    stack.print_addresses()
                    supervisor.watch()
                finally:
                    stack_addresses.remove(plan.var_dir)
                    console.print(f"\n[dim]Stopping. All data is in {plan.var_dir}[/]", highlight=False)
        except StopRequested:
            console.print("[green]✓[/] everything is stopped")
            return 0
        except (ChildError, EndedError, OSError) as error:
            reason = "\n".join(filter(None, [str(error), disk.full_line(plan.var_dir)]))
            console.print(f"[red]✗[/] {escape(reason)}\nEverything is stopped.", highlight=False)
        return 1


class Stack:
    """The parts of a plan, started under one supervisor."""

    def __init__(self, plan: Plan, supervisor: Supervisor) -> None:
        self.plan = plan
        self.supervisor = supervisor
        self.env = {"TETRAFLIX_VAR": str(plan.var_dir), "PORT": str(plan.port)}
        if plan.demo:
            self.env["ENVIRONMENT"] = "demo"
        self.programs: list[Program] = []
        self.password = ""
        self.database_url = plan.database_url
        self.sqs_url = plan.sqs_url
        supervisor.on_change = self._announce

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.plan.port}"

    def start(self) -> None:
        """Starts everything and waits until the site answers. Raises ChildError."""
        self._servers()
        self.supervisor.report()
        self._steps()
        self._programs()
        self.supervisor.report()

    def _servers(self) -> None:
        var, log = self.plan.var_dir, self.plan.var_dir / "log"
        if self.database_url is None:
            postgres = EmbeddedPostgres(var / "postgres", log=log / "postgres.log")
            self.supervisor.start(postgres)
            self.database_url = self.env["DATABASE_URL"] = postgres.url
        if self.plan.embedded_sqs:
            sqs = EmbeddedSqs(var / "sqs", log=log / "sqs.log")
            self.supervisor.start(sqs)
            self.sqs_url = sqs.url
            self.env |= {"AWS_ENDPOINT_URL_SQS": sqs.url, "AWS_REGION": REGION, **DUMMY_CREDENTIALS}

    def _steps(self) -> None:
        demo = self.plan.demo
        # Metrics of processes that have ended would be added to those of the new ones.
        shutil.rmtree(self.plan.var_dir / "run" / "metrics", ignore_errors=True)
        self._manage("database schema", "migrate", "--no-input")
        self._manage("queues", "ensure_queues")
        static = self.plan.var_dir / "static"
        if not static_files.are_collected(static):
            self._manage("static files", "collectstatic", "--no-input", *NOT_SERVED)
            static_files.mark_collected(static)
        if demo:
            self._manage("movies", "seed_movies", "--movies", str(demo.movies), show_output=True)
            words = ["--users", str(demo.users), "--preferences", str(demo.preferences)]
            words += ["--experiment", demo.experiment]
            self._manage("users", "seed_users", *words, show_output=True)
        if demo or self._login_mark.exists():  # the last demo was killed before it removed its login
            self._demo_login(secrets.token_urlsafe(9) if demo else "")

    @property
    def _login_mark(self) -> Path:
        """A file that exists while the demo's login may exist."""
        return self.plan.var_dir / "demo-login"

    def _demo_login(self, password: str) -> None:
        name = "demo login" if password else "demo login removed"
        env = {**self.env, demo_login.PASSWORD_VARIABLE: password}
        self._login_mark.touch()
        self.supervisor.run(name, ["-m", demo_login.__name__], env=env, seconds=60 if password else 20)
        self.password = password
        if password:
            self.supervisor.before_servers_stop = lambda: self._demo_login("")
        else:
            self._login_mark.unlink()

    def _programs(self) -> None:
        plan, python = self.plan, self.supervisor.program
        self.programs = [
            python("web", self._granian(), env=self.env, ready=self._site_answers),
            python("worker", [*CELERY, "worker", *WORKER], env=self.env),
            python("beat", [*CELERY, "beat"], env=self.env),
        ]
        if plan.demo:
            words = ["manage.py", "simulate_traffic", "--rate", f"{plan.demo.rate:g}", "--seconds", "0"]
            words += ["--read-changes", *(["--sister-lists"] if plan.demo.sister_lists else [])]
            self.programs.append(python("traffic", words, env=self.env))
        self.programs[0].inner = Inner("web process", "Unexpected exit from worker-", "ended unexpectedly")
        # The worker and beat do not need the web, so they start while it loads the inventory.
        web, *others = self.programs
        for program in (*others[:2], web, *others[2:]):
            self.supervisor.start(program)

    def _granian(self) -> list[str]:
        words = (
            f"-m granian --interface rsgi --http 1 --no-ws --host 127.0.0.1 --port {self.plan.port} "
            f"--workers {self.plan.web_workers} "
            # Half-sent heads, and idle connections, are closed after so long.
            "--http1-header-read-timeout 10000 --no-access-log "
            "--respawn-failed-workers --respawn-interval 0.5 --workers-kill-timeout 4 "
            "tetraflix.web.rsgi:application"
        )
        return words.split()

    def _site_answers(self) -> bool:
        return http_status(self.plan.port, "/healthz", seconds=10) == 200

    def _manage(self, name: str, *words: str, show_output: bool = False) -> None:
        self.supervisor.run(name, ["manage.py", *words], env=self.env, show_output=show_output)

    def _announce(self) -> None:
        stack_addresses.write(
            self.plan.var_dir,
            {
                "web": self.web_url,
                "database": self.database_url,
                "sqs": self.sqs_url or "",  # empty for Amazon's
                **self.plan.extra_addresses,
                "programs": {program.name: program.child.pid for program in self.programs},
                "deaths": {
                    name: life.as_json() for name, life in self.supervisor.lives.items() if life.count
                },
                "notes": [part.note for part in self.supervisor.parts if part.note],
            },
        )

    def print_addresses(self) -> None:
        """Prints where everything is, who may log in, and how it is stopped."""
        rows = {
            "site": f"{self.web_url}/",
            "admin": f"{self.web_url}/admin/",
            "experiment": f"{self.web_url}/admin/recommendations/experiment/" if self.plan.demo else "",
            "login": f"[bold]{demo_login.USERNAME}[/] / [bold]{self.password}[/]" if self.password else "",
            "API": f"{self.web_url}/tetraflix/docs",
            "a user": f"curl {self.web_url}/tetraflix/recommendations/1",
            "a genre": f"curl {self.web_url}/tetraflix/genre/comedy",
            "logs": str(self.plan.var_dir / "log"),
            "status": f"{os.path.relpath(sys.executable)} manage.py status",
        }
        table = Table.grid(padding=(0, 2))
        for name, value in rows.items():
            if value:
                table.add_row(f"[dim]{name}[/]", value)
        self.supervisor.console.print(
            Panel(table, title="Tetraflix", subtitle="Ctrl-C stops everything", expand=False), highlight=False
        )


@contextmanager
def stack_lock(var_dir: Path) -> Iterator[None]:
    """Keeps other stacks from using this folder. Raises CannotStartError, which names the one that does."""
    file = var_dir / "run" / "lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStartError(already_running(var_dir, lock)) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def already_running(var_dir: Path, lock: TextIO) -> str:
    """The sentence about the stack that runs on this folder."""
    lock.seek(0)
    pid = lock.read()
    web = (stack_addresses.read(var_dir) or {}).get("web")
    where = f", {web}" if web else ""
    return f"It is already running (pid {pid}{where}): Ctrl-C there, or `kill {pid}`, stops it."


def main_console() -> Console:
    """The terminal, or plain lines when there is none."""
    return Console(file=sys.stdout, soft_wrap=True)
