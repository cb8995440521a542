"""A real stack, started by manage.py in a folder of its own, and the processes that are left of it."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.waiting import wait_until
from tetraflix.configuration import stack_addresses
from tetraflix.embedded.ports import free_port

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
# Prefixes of the variables that lead to the session's servers, which a stack must not use.
SESSION_VARIABLES = ("DATABASE_URL", "AWS_", "TETRAFLIX_", "MONGODB_URL", "ELASTICSEARCH_URL", "DJANGO_")


def outside_environment() -> dict[str, str]:
    """The environment without the variables of the test session."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SESSION_VARIABLES)}


class RunningStack:
    """`manage.py run` (or `demo`, with its options) on one folder and port, started by start()."""

    def __init__(self, folder: Path) -> None:
        self.var = folder / "var"
        self.port = free_port()
        self.output = folder / "output"
        self.env = outside_environment() | {"TETRAFLIX_VAR": str(self.var), "PORT": str(self.port)}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str, seconds: float = 300) -> float:
        """Starts it; returns the seconds until it has printed that it serves."""
        since = time.monotonic()
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, MANAGE, *(words or ("run",)), "--follow-parent"],
                cwd="/",  # any folder
                env=self.env,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_until(lambda: "Ctrl-C stops everything" in self.printed() or not self.running, seconds=seconds)
        assert self.running, self.printed()
        return time.monotonic() - since

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def printed(self) -> str:
        return self.output.read_text()

    def stack(self) -> dict[str, Any]:
        """The addresses in its stack.json."""
        return stack_addresses.read(self.var) or {}

    def get(self, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command in another terminal, without the addresses of servers in its environment."""
        return subprocess.run(
            [sys.executable, MANAGE, *words],
            cwd="/",
            env=self.env,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def send(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    def ended(self, *, seconds: float = 120) -> int:
        """Its exit code. Raises TimeoutExpired when it does not end in time."""
        assert self.process
        return self.process.wait(timeout=seconds)

    def left(self) -> list[str]:
        """Every process that has the folder in its environment, its arguments or as its working directory."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                traces = (*process.environ().values(), *process.cmdline(), process.cwd())
                if process.pid != os.getpid() and any(str(self.var) in trace for trace in traces):
                    found.append(f"{process.pid} {process.cmdline()}")
        return found

    def end(self) -> None:
        """Stops it, for the end of any test."""
        if self.process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.terminate()
                self.process.wait(timeout=60)
            self.process.kill()
            self.process.wait()


@pytest.fixture
def stack(open_folder: Path) -> Iterator[RunningStack]:
    """A stack that is not started yet; stopped after the test."""
    stack = RunningStack(open_folder)
    yield stack
    stack.end()
