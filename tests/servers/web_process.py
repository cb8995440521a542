"""A web process of the service on a test's database, started as `make run` starts it."""

import os
import sys
from pathlib import Path

from tetraflix.embedded.ports import free_port, http_status
from tetraflix.embedded.processes import Child

ROOT = Path(__file__).parents[2]


class WebProcess:
    """A granian server with one worker process on a free port; use it in a `with` block."""

    def __init__(self, log: Path, *, application: str = "tetraflix.web.rsgi:application", **env: str) -> None:
        self.port = free_port()
        words = (
            f"-m granian --interface rsgi --http 1 --no-ws --host 127.0.0.1 --port {self.port} --workers 1"
        )
        words += " --http1-header-read-timeout 10000"
        self.child = Child(
            name="web",
            argv=[sys.executable, *words.split(), application],
            log=log,
            env=os.environ | env,
            cwd=ROOT,
        )

    def __enter__(self) -> "WebProcess":
        """Starts it and waits until it answers. Raises ChildError with its log."""
        self.child.start()
        try:
            self.child.wait_ready(lambda: self.get("/healthz") == 200, seconds=60)
        except BaseException:
            self.child.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.child.stop()

    def get(self, path: str) -> int | None:
        """The status of a GET; None without an answer."""
        return http_status(self.port, path, seconds=5)

    def output(self) -> str:
        """Everything that it has logged."""
        return self.child.log.read_text() if self.child.log else ""
