"""A process of the service (worker, consumer) that a test starts, kills and stops."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
CONSUME = ("manage.py", "consume")
WORKER = (
    "-m",
    "celery",
    "-A",
    "tetraflix",
    "worker",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
)


class Process:
    """`python ARGV` in the project's folder, `env` added to its environment; killed when the block ends."""

    def __init__(self, *argv: str, env: dict[str, str]) -> None:
        self.argv = [sys.executable, *argv]
        self.env = {**os.environ, "PYTHONUNBUFFERED": "1", **env}
        self.log = tempfile.NamedTemporaryFile(mode="w+", suffix=".log")  # noqa: SIM115 -- closed by __exit__
        self.child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Process":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if error:
            sys.stderr.write(self.output())
        self.log.close()

    def start(self) -> None:
        """Starts the process (again); its output is appended."""
        self.child = subprocess.Popen(
            self.argv,
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def kill(self) -> None:
        """Sends SIGKILL if the process runs."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()

    def stop(self, seconds: float = 30) -> int:
        """Sends SIGTERM and returns the exit code. Raises TimeoutExpired."""
        assert self.child is not None
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(seconds)

    def output(self) -> str:
        """All that the process has written."""
        return Path(self.log.name).read_text()

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Waits until the process has written the text; fails if it ends before."""
        wait_until(lambda: text in self.output() or not self.running, seconds=seconds)
        assert text in self.output(), self.output()
