"""The embedded SQS: ministack, which speaks the protocol of Amazon SQS, on loopback."""

import os
import signal
import sys
from pathlib import Path

from tetraflix.embedded.ports import free_port, http_status
from tetraflix.embedded.processes import Child

PREFERRED_PORT = 4566
REGION = "us-east-1"
# It takes any key, but boto3 signs with one.
DUMMY_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}

# Of our environment it needs what makes this Python run, and gets nothing else: no secret of the service.
PYTHONS_OWN = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME")
# As `ministack` itself starts it, but at a stop it waits one second, not three, for readers in a long poll to
# leave; only then does it write down what is in the queues.
SERVER = [
    *("-m", "hypercorn", "ministack.app:app", "--workers", "0"),
    *("--graceful-timeout", "1", "--keep-alive", "75", "--log-level", "WARNING"),
]


class EmbeddedSqs:
    """An SQS server on 127.0.0.1. Queues and messages are kept over stop() and start(); after kill -9 they
    are as of the last stop, so whoever starts it makes sure of its queues.

    `port`: the one to prefer; another is taken when it is not free. It stays the same over stop and start.
    """

    name = "SQS"

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
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.running

    def start(self, *, seconds: float = 30) -> str:
        """It answers; returns the endpoint's URL. Raises ChildError."""
        self.port = self.port or free_port(self.preferred_port)
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self.child = Child(
            name=self.name,
            argv=[sys.executable, *SERVER, "--bind", f"127.0.0.1:{self.port}"],
            log=self.log,
            env={
                **{name: os.environ[name] for name in PYTHONS_OWN if name in os.environ},
                "LANG": "C.UTF-8",
                "TMPDIR": str(self.state_dir),
                "HOME": str(self.state_dir),
                "GATEWAY_PORT": str(self.port),
                "MINISTACK_HOST": "127.0.0.1",
                "SERVICES": "sqs",
                "SFTP_ENABLED": "0",
                "IOT_MTLS_ENABLED": "0",
                "PERSIST_STATE": "1",
                "STATE_DIR": str(self.state_dir),
                "LOG_LEVEL": "WARNING",
            },
            cwd=self.state_dir,
            stop_signal=signal.SIGTERM,
        )
        self.child.start()
        self.child.wait_ready(self._answers, seconds=seconds)
        return self.url

    def stop(self, *, seconds: float = 10) -> None:
        """It is stopped; what was in its queues is kept."""
        if self.child is not None:
            self.child.stop(seconds=seconds)

    def kill(self) -> None:
        """kill -9: what happened since its last stop is forgotten."""
        if self.child is not None:
            self.child.kill()

    def _answers(self) -> bool:
        return http_status(self.port, "/_ministack/health") == 200
