"""Holds a set of servers and programs up, and takes all of it down: nothing it started outlives it."""

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
SERVER_STOP_SECONDS = 5  # for each server; a queue server cut short would forget its messages
SECOND_SIGNAL_SECONDS = 1  # a second Ctrl-C sooner is an echo: make and the terminal both send one
MAX_PAUSE_SECONDS = 15  # between two tries to start what keeps ending
HEALTHY_SECONDS = 60  # what ran this long starts at once again when it ends


class Part(Protocol):
    """Something held up: a server or a program."""

    name: str

    @property
    def child(self) -> Child | None: ...

    def start(self) -> object:
        """It runs and is ready. Raises ChildError."""

    def stop(self, *, seconds: float) -> None:
        """Nothing of it runs any more."""


class StopRequested(BaseException):
    """A signal asked us to stop. Like KeyboardInterrupt not an Exception: nobody handles it on the way."""


class EndedError(Exception):
    """A part ended that should not have; the message says which, exit_description, and shows its log."""


class Program:
    """A program of ours as a part: it writes to a log of its own, and may take a while to be ready."""

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
    """Inside its `with` block signals raise StopRequested; when the block is left, however, everything is stopped."""

    def __init__(self, *, console: Console, log_dir: Path, cwd: Path | None = None) -> None:
        self.console = console
        self.log_dir = log_dir
        self.cwd = cwd
        self.mark = secrets.token_hex(8)
        self.parts: list[Part] = []
        self.restarted: Callable[[Part], None] = lambda part: None  # told after a part was started again
        self.before_servers_stop: Callable[[], None] = lambda: (
            None
        )  # while programs stop, with the servers still there
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
        except BaseException:  # also StopRequested: a `with` that is not entered is not left
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
        """A Python program (`python` and these words), with these additional variables and our mark."""
        return Program(self._child(name, words, env, log=self.log_dir / f"{name}.log"), ready=ready)

    def start(self, part: Part, *, quiet: bool = False) -> None:
        """The part runs and is ready, and is held up from now on. Raises ChildError."""
        since = time.monotonic()
        self.parts.append(part)
        part.start()
        if not quiet:
            self._done(part.name, since)

    def run(
        self,
        name: str,
        words: Sequence[str],
        *,
        env: Mapping[str, str],
        show_output: bool = False,
        seconds: float | None = None,
    ) -> None:
        """A Python program has run to its end. Raises ChildError, with its words, when it failed.

        `show_output`: it speaks to the terminal itself (progress bars); else its words go to setup.log.
        `seconds`: it fails when it takes longer.
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
        self._done(name, since)

    def watch(self) -> None:
        """Holds everything up until a signal raises StopRequested. Raises EndedError when a part was killed, or left.

        What fails by itself (a code that is not 0) is started again, after a pause that grows while it goes
        on failing. What a signal ended, or what left as if it had been asked to, ends everything.
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
                    sound = now - started[part.name] > HEALTHY_SECONDS
                    pauses[part.name] = 0.5 if sound else min(MAX_PAUSE_SECONDS, 1 + 2 * pauses[part.name])
                    due[part.name] = now + pauses[part.name]
                    self.console.print(
                        f"[yellow]![/] {part.name} {exit_description(child.returncode)}; it starts again in "
                        f"{pauses[part.name]:g} s. Its log: {child.log}"
                    )
                elif now >= due[part.name]:
                    del due[part.name]
                    started[part.name] = now
                    with contextlib.suppress(ChildError):  # it ended again: seen at the next look
                        part.start()
                        self.restarted(part)
            self._bound_logs()
            time.sleep(0.2)

    def stop(self) -> None:
        """Nothing that was started runs any more: programs first, all at once, then the servers they use."""
        self._stopping = True
        if self._step:
            self._step.kill()
            self.console.show_cursor()  # its progress bar has hidden it
        deadline = time.monotonic() + STOP_SECONDS
        programs = [part for part in self.parts if isinstance(part, Program) and part.name != "guard"]
        for program in programs:
            program.child.ask_to_stop()
        with contextlib.suppress(ChildError, OSError):  # the servers may be what ended
            self.before_servers_stop()
        for part in reversed(self.parts):
            if part in programs:
                part.stop(seconds=max(0.0, deadline - time.monotonic()))
        for part in reversed(self.parts):
            if part not in programs:
                part.stop(seconds=SERVER_STOP_SECONDS)
        reaper.kill_all(reaper.marked(self.mark))  # children of children, whose parent was killed

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

    def _done(self, name: str, since: float) -> None:
        took = f"{time.monotonic() - since:.1f} s"
        self.console.print(f"[green]✓[/] {name}  [dim]{took}[/]", highlight=False)

    def _bound_logs(self) -> None:
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
    """In words exit_description a process ended."""
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended with code {code}" if code else "ended, asked by somebody else"
