"""A child process: starts it in its own session, waits until it is ready, and stops all of it.

A supervisor takes it as a `Part`: an embedded server is one, and a `Program` makes one of any child.
"""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

PR_SET_PDEATHSIG = 1
LOG_BYTES = 10_000_000  # a longer log is moved to NAME.old.log, which is overwritten

_libc = ctypes.CDLL(None)


class ChildError(Exception):
    """A child process ended, or was not ready in time; the message says which, and shows its log."""


class Child:
    """A program run as a child process, which never outlives the thread that started it, not even after kill -9.

    `log`: None when it writes to the terminal of this process.
    `user`: the id of the user that it runs as; for a program that refuses to run as root.
    `blocked`: signals that are blocked from its start on, until it takes them (`signal.sigwait`).
    `stop_signal`: makes it finish and exit; the kernel sends it, too, when the starting thread dies.
    """

    def __init__(
        self,
        *,
        name: str,
        argv: Sequence[str],
        log: Path | None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: int | None = None,
        blocked: Collection[signal.Signals] = (),
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.log = log
        self.env = env
        self.cwd = cwd
        self.user = user
        self.blocked = blocked
        self.stop_signal = stop_signal
        self.process: subprocess.Popen[bytes] | None = None
        self.stopping = False

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def returncode(self) -> int | None:
        """As `subprocess`: None while it runs or was never started, negative when a signal ended it."""
        return self.process.poll() if self.process else None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Starts the program. Raises OSError when it cannot be executed."""
        self.stopping = False
        parent = os.getpid()

        def in_the_child() -> None:
            signal.pthread_sigmask(signal.SIG_BLOCK, self.blocked)  # inherited by the program
            # After setuid, which clears the death signal. The parent may have died before it was set.
            _libc.prctl(PR_SET_PDEATHSIG, self.stop_signal)
            if os.getppid() != parent:
                os._exit(1)
            # Children inherit ignored signals (of `nohup`, of a shell's background job), and these have to stop it.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)

        with contextlib.ExitStack() as stack:
            log = None
            if self.log:
                self.log.parent.mkdir(parents=True, exist_ok=True)
                truncate_if_long(self.log)
                log = stack.enter_context(self.log.open("ab"))
            self.process = subprocess.Popen(
                self.argv,
                env=self.env,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=in_the_child,  # noqa: PLW1509  (it takes no lock that another thread could hold)
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
            )

    def wait_ready(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Returns once `ready()` is true; raises ChildError when the child ends first or time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise ChildError(f"{self.name} ended with code {self.returncode}.\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ChildError(f"{self.name} was not ready within {seconds:g} s.\n{self.tail()}")
            time.sleep(0.05)

    def wait(self, *, seconds: float | None = None) -> int:
        """Its exit code, once it has ended; it is killed when that takes longer than `seconds`."""
        if self.process is None:
            raise ChildError(f"{self.name} was not started")
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(timeout=seconds)
        self.kill()
        return self.process.wait()

    def ask_to_stop(self) -> None:
        """Sends the stop signal and returns at once."""
        self.stopping = True
        if self.process and self.running:
            self.process.send_signal(self.stop_signal)

    def stop(self, *, seconds: float = 10) -> None:
        """Ends it with everything in its session: sends the stop signal, and kills what is left after `seconds`."""
        self.ask_to_stop()
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=seconds)
        self.kill()

    def kill(self) -> None:
        """Kills it at once, with everything in its session."""
        self.stopping = True
        if self.process is None:
            return
        # Its process group may outlive it, when it was killed and left children.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log, under the log's path."""
        if self.log is None or not self.log.exists():
            return ""
        text = self.log.read_text(errors="replace")
        return "\n".join([f"{self.log}:", *text.splitlines()[-lines:]])


class Inner:
    """Processes that a part starts again by itself; its log tells how they died.

    `name`: what one is called. `death`: matches the line about one; its group, or `how`, says how it ended.
    """

    def __init__(self, name: str, death: str, how: str = "") -> None:
        self.name = name
        self.death = re.compile(death)
        self.how = how
        self._position = 0

    def skip(self, log: Path) -> None:
        """Ignores what the log says until now."""
        self._position = log.stat().st_size if log.exists() else 0

    def deaths(self, log: Path) -> list[str]:
        """How those ended that the log has reported since the last call."""
        size = log.stat().st_size if log.exists() else 0
        if size < self._position:
            self._position = 0  # it was truncated
        if size == self._position:
            return []
        with log.open("rb") as lines:
            lines.seek(self._position)
            new = lines.read(size - self._position)
        whole = new.rfind(b"\n") + 1  # the rest of the last line is still to come
        self._position += whole
        return [self.how or found[1] for found in self.death.finditer(new[:whole].decode(errors="replace"))]


class Program:
    """A program with a log file of its own, which may take a while to be ready."""

    def __init__(
        self,
        child: Child,
        *,
        ready: Callable[[], bool] | None = None,
        ready_seconds: float = 120,
        inner: Inner | None = None,
    ) -> None:
        self.name = child.name
        self.inner = inner
        self.note = ""
        self.child = child
        self.ready = ready
        self.ready_seconds = ready_seconds

    def start(self) -> None:
        self.launch()
        self.child.wait_ready(self.is_ready, seconds=self.ready_seconds)

    def launch(self) -> None:
        self.child.start()

    def is_ready(self) -> bool:
        return self.ready is None or self.ready()

    def kill(self) -> None:
        self.child.kill()

    def stop(self, *, seconds: float) -> None:
        self.child.stop(seconds=seconds)


class Part(Protocol):
    """A supervised server or program."""

    name: str
    ready_seconds: float  # it is killed when its start takes longer
    inner: Inner | None

    @property
    def note(self) -> str:
        """A line about its last start, when something was unusual."""

    @property
    def child(self) -> Child | None: ...

    def start(self) -> object:
        """Starts it and waits until it is ready. Raises ChildError."""

    def launch(self) -> None:
        """Starts it and does not wait. Raises ChildError."""

    def is_ready(self) -> bool: ...

    def kill(self) -> None:
        """Kills all its processes, also those that it left behind when it died."""

    def stop(self, *, seconds: float) -> None:
        """Stops it with all its processes, within the time or by killing them."""


def truncate_if_long(log: Path) -> None:
    """Moves the lines of a log of more than LOG_BYTES to NAME.old.log.

    It is copied and truncated, not renamed, because the child goes on writing to the same file. On a full disk it
    is not copied: its lines make room.
    """
    if log.exists() and log.stat().st_size > LOG_BYTES:
        old = log.with_suffix(".old.log")
        try:
            shutil.copyfile(log, old)
        except OSError:
            old.unlink(missing_ok=True)
        os.truncate(log, 0)
