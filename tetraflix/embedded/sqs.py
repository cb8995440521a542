"""The embedded SQS: runs ministack, a server with the API of Amazon SQS, on loopback."""

import os
import signal
import sys
from pathlib import Path

from tetraflix.embedded.ports import free_port, http_status, listens
from tetraflix.embedded.processes import Child, Inner

PREFERRED_PORT = 4566
ROOT = Path(__file__).resolve().parents[2]
NOTE_FILE = "start-note"  # written by the server
REGION = "us-east-1"
# It accepts any key, but boto3 needs one to sign requests.
DUMMY_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}

# The only variables that it inherits are those that Python needs, so it gets no secret of the service.
PYTHON_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME")
# As `ministack` starts it, but a stop waits one second, not three, for clients in a long poll.
SERVER = [
    *("-m", "hypercorn", "tetraflix.embedded.sqs_server.application:app", "--workers", "0"),
    *("--graceful-timeout", "1", "--keep-alive", "75", "--log-level", "WARNING"),
]


class EmbeddedSqs:
    """An SQS server on 127.0.0.1. Queues and messages survive stop(), kill() and start(): see `sqs_server`.

    `port`: preferred; another one is used when it is taken. It stays the same after stop() and start().
    """

    name = "SQS"
    ready_seconds = 60.0
    inner: Inner | None = None  # it is one process

    def __init__(self, state_dir: Path, port: int = PREFERRED_PORT, *, log: Path | None = None) -> None:
        self.state_dir = Path(os.path.abspath(state_dir))
        self.preferred_port = port
        self.port = 0
        self.log = log or self.state_dir.parent / "sqs.log"
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def note(self) -> str:
        """After its start, a line about the end of the server before, when that was killed."""
        try:
            return (self.state_dir / NOTE_FILE).read_text()
        except OSError:
            return ""

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.running

    def start(self, *, seconds: float = 30) -> str:
        """Starts it; returns the endpoint's URL once it answers. Raises ChildError."""
        self.launch()
        if self.child is not None:
            self.child.wait_ready(self.is_ready, seconds=seconds)
        return self.url

    def launch(self) -> None:
        """Starts it and does not wait for it."""
        self.port = self.port or free_port(self.preferred_port)
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self.child = Child(
            name=self.name,
            argv=[sys.executable, *SERVER, "--bind", f"127.0.0.1:{self.port}"],
            log=self.log,
            env={
                **{name: os.environ[name] for name in PYTHON_VARIABLES if name in os.environ},
                "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
                "LANG": "C.UTF-8",
                "TMPDIR": str(self.state_dir),
                "HOME": str(self.state_dir),
                "GATEWAY_PORT": str(self.port),
                "MINISTACK_HOST": "127.0.0.1",
                "SERVICES": "sqs",
                "SFTP_ENABLED": "0",
                "IOT_MTLS_ENABLED": "0",
                "PERSIST_STATE": "0",  # it would keep everything until a stop only
                "STATE_DIR": str(self.state_dir),
                "LOG_LEVEL": "WARNING",
            },
            cwd=self.state_dir,
            stop_signal=signal.SIGTERM,
        )
        self.child.start()

    def stop(self, *, seconds: float = 10) -> None:
        """Stops it."""
        if self.child is not None:
            self.child.stop(seconds=seconds)

    def kill(self) -> None:
        """Kills it with SIGKILL."""
        if self.child is not None:
            self.child.kill()

    def is_ready(self) -> bool:
        """Whether it answers; another server on its port does not count."""
        return listens(self.pid, self.port) and http_status(self.port, "/_ministack/health") == 200
