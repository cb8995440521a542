"""Starts servers and programs, restarts those that fail, and stops all of them: none outlives the supervisor."""

import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol, Self

from rich.console import Console

from tetraflix.embedded import reaper
from tetraflix.embedded.processes import Child, ChildError, truncate_if_long

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 6  # for programs, all at once; the servers behind them then need one or two
SERVER_STOP_SECONDS = 5  # for each server; a queue server that is killed loses its messages
SECOND_SIGNAL_SECONDS = 1  # a second Ctrl-C sooner is a duplicate: make and the terminal both send one
MAX_PAUSE_SECONDS = 15  # before a part that keeps failing is started again
HEALTHY_SECONDS = 60  # a part that ran this long restarts without a growing pause


class Part(Protocol):
    """A supervised server or program."""

    name: str

    @property
    def child(self) -> Child | None: ...

    def start(self) -> object:
        """Starts it and waits until it is ready. Raises ChildError."""

    def stop(self, *, seconds: float) -> None:
        """Stops it with all its processes, within the time or by killing them."""


class StopRequested(BaseException):
    """A signal asks the supervisor to stop. Like KeyboardInterrupt no Exception, so that no handler swallows it."""


class EndedError(Exception):
    """A part ended unexpectedly; the message says which and how, and shows its log."""


class Program:
    """A program with a log file of its own, which may take a while to be ready."""

    def __init__(
        self,
        child: Child,
        *,
        ready: Callable[[], bool] | None = None,
        ready_seconds: float = 120,
    ) -> None:
        self.name = child.name
        self.child = child
        self.ready = ready
        self.ready_seconds = ready_seconds

    def start(self) -> None:
        self.child.start()
        if self.ready:
            self.child.wait_ready(self.ready, seconds=self.ready_seconds)

    def stop(self, *, seconds: float) -> None:
        self.child.stop(seconds=seconds)


class Supervisor:
    """Inside its `with` block signals raise StopRequested; on every exit from the block all parts are stopped."""

    def __init__(self, *, console: Console, log_dir: Path, cwd: Path | None = None) -> None:
        self.console = console
        self.log_dir = log_dir
        self.cwd = cwd
        self.mark = secrets.token_hex(8)
        self.parts: list[Part] = []
        self.on_restart: Callable[[Part], None] = lambda part: None  # called after a part was restarted
        # called while the programs stop and the servers still run
        self.before_servers_stop: Callable[[], None] = lambda: None
        self._asked_at: float | None = None
        self._stopping = False
        self._step: Child | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup
            self._before[number] = signal.signal(number, self._on_signal)
        try:
            self.start(self._guard(), quiet=True)
        except BaseException:  # also StopRequested: __exit__ is not called when __enter__ raises
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _guard(self) -> Program:
        child = self._child(
            "guard",
            [str(Path(reaper.__file__)), self.mark, str(os.getpid())],
            None,
            log=self.log_dir / "guard.log",
        )
        child.blocked = {signal.SIGTERM}
        return Program(child, ready=lambda: reaper.ready_line(child.pid or 0) in child.tail())

    def program(
        self,
        name: str,
        words: Sequence[str],
        *,
        env: Mapping[str, str] | None,
        ready: Callable[[], bool] | None = None,
    ) -> Program:
        """A Python program with these arguments, these additional variables and the mark of this stack."""
        return Program(self._child(name, words, env, log=self.log_dir / f"{name}.log"), ready=ready)

    def start(self, part: Part, *, quiet: bool = False) -> None:
        """Starts the part, waits until it is ready, and supervises it from now on. Raises ChildError."""
        since = time.monotonic()
        self.parts.append(part)
        part.start()
        if not quiet:
            self._print_done(part.name, since)

    def run(
        self,
        name: str,
        words: Sequence[str],
        *,
        env: Mapping[str, str],
        show_output: bool = False,
        seconds: float | None = None,
    ) -> None:
        """Runs a Python program to its end. Raises ChildError, with its output, when it fails.

        `show_output`: it writes to the terminal (progress bars); else to setup.log.
        `seconds`: it is killed and fails when it takes longer.
        """
        since = time.monotonic()
        log = self.log_dir / "setup.log"
        log.unlink(missing_ok=True)
        self._step = child = self._child(name, words, env, log=None if show_output else log)
        child.start()
        code = child.wait(seconds=seconds)
        self._step = None
        if code:
            raise ChildError(f"{name} {exit_description(code)}.\n{'' if show_output else child.tail()}")
        self._print_done(name, since)

    def watch(self) -> None:
        """Supervises until a signal raises StopRequested. Raises EndedError when a part was killed, or ended with 0.

        A part that fails (its exit code is above 0) is started again, after a pause that grows while it goes on
        failing. A part that a signal killed, or that ended with code 0, ends the whole stack.
        """
        started = {part.name: time.monotonic() for part in self.parts}
        pauses = {part.name: 0.0 for part in self.parts}
        due: dict[str, float] = {}
        while True:
            for part in self.parts:
                child, now = part.child, time.monotonic()
                if child is None or child.returncode is None:
                    continue
                if child.returncode <= 0:
                    raise EndedError(f"{part.name} {exit_description(child.returncode)}.\n{child.tail()}")
                if part.name not in due:
                    healthy = now - started[part.name] > HEALTHY_SECONDS
                    pauses[part.name] = 0.5 if healthy else min(MAX_PAUSE_SECONDS, 1 + 2 * pauses[part.name])
                    due[part.name] = now + pauses[part.name]
                    self.console.print(
                        f"[yellow]![/] {part.name} {exit_description(child.returncode)}; it starts again in "
                        f"{pauses[part.name]:g} s. Its log: {child.log}"
                    )
                elif now >= due[part.name]:
                    del due[part.name]
                    started[part.name] = now
                    with contextlib.suppress(ChildError):  # it ended again: handled in the next round
                        part.start()
                        self.on_restart(part)
            self._truncate_logs()
            time.sleep(0.2)

    def stop(self) -> None:
        """Stops everything: the programs first, all at once, then the servers that they use."""
        self._stopping = True
        if self._step:
            self._step.kill()
            self.console.show_cursor()  # its progress bar hides it
        deadline = time.monotonic() + STOP_SECONDS
        programs = [part for part in self.parts if isinstance(part, Program) and part.name != "guard"]
        for program in programs:
            program.child.ask_to_stop()
        with contextlib.suppress(ChildError, OSError):  # the servers may have ended
            self.before_servers_stop()
        for part in reversed(self.parts):
            if part in programs:
                part.stop(seconds=max(0.0, deadline - time.monotonic()))
        for part in reversed(self.parts):
            if part not in programs:
                part.stop(seconds=SERVER_STOP_SECONDS)
        reaper.kill_all(reaper.marked(self.mark))  # grandchildren whose parent was killed

    def _child(
        self, name: str, words: Sequence[str], env: Mapping[str, str] | None, *, log: Path | None
    ) -> Child:
        everything = {
            **os.environ,
            **(env or {}),
            reaper.MARK_VARIABLE: self.mark,
            "PYTHONUNBUFFERED": "1",
        }
        return Child(name=name, argv=[sys.executable, *words], log=log, env=everything, cwd=self.cwd)

    def _print_done(self, name: str, since: float) -> None:
        took = f"{time.monotonic() - since:.1f} s"
        self.console.print(f"[green]✓[/] {name}  [dim]{took}[/]", highlight=False)

    def _truncate_logs(self) -> None:
        for part in self.parts:
            if part.child and part.child.log:
                truncate_if_long(part.child.log)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
            if not self._stopping:
                raise StopRequested
        elif number == signal.SIGINT and now - self._asked_at > SECOND_SIGNAL_SECONDS:
            self.console.print("[red]Killing what is left.[/]")
            for child in (self._step, *(part.child for part in self.parts)):
                if child and child.pid:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(child.pid, signal.SIGKILL)


def exit_description(code: int) -> str:
    """How a process ended, in words."""
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended with code {code}"
