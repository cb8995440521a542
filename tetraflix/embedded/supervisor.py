"""Starts servers and programs, restarts those that die, and stops all of them: none outlives the supervisor."""

import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Self

from rich.console import Console
from rich.markup import escape

from tetraflix.embedded import disk, reaper
from tetraflix.embedded.processes import Child, ChildError, Part, Program, truncate_if_long
from tetraflix.embedded.restarts import MAX_DEATHS, WINDOW_SECONDS, Life, exit_description

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 6  # for programs, all at once; the servers behind them then need one or two
SERVER_STOP_SECONDS = 5  # for each server; a queue server that is killed loses its messages
SECOND_SIGNAL_SECONDS = 1  # a second Ctrl-C sooner is a duplicate: make and the terminal both send one
REPORT_SECONDS = 1  # between attempts to report a change, while the disk is full


class StopRequested(BaseException):
    """A signal asks the supervisor to stop. Like KeyboardInterrupt no Exception, so that no handler swallows it."""


class EndedError(Exception):
    """A part died too often; the message says which and how, and shows its log."""


class Supervisor:
    """Inside its `with` block signals raise StopRequested; on every exit from the block all parts are stopped."""

    def __init__(self, *, console: Console, var_dir: Path, cwd: Path | None = None) -> None:
        self.console = console
        self.var_dir = var_dir
        self.log_dir = var_dir / "log"
        self.cwd = cwd
        self.mark = secrets.token_hex(8)
        self.parts: list[Part] = []
        self.lives: dict[str, Life] = {}
        self.on_change: Callable[[], None] = lambda: None  # called after a part died, and after it runs again
        # called while the programs stop and the servers still run
        self.before_servers_stop: Callable[[], None] = lambda: None
        self._asked_at: float | None = None
        self._stopping = False
        self._step: Child | None = None
        self._report_due: float | None = None
        self._full_disk = ""
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
        if part.inner and part.child and part.child.log:
            part.inner.skip(part.child.log)
        self.lives[part.name] = Life(part.name, time.monotonic())
        if not quiet:
            self._print_done(part.name, since)
            self._print_note(part)

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
        """Supervises until a signal raises StopRequested.

        A part that dies, however it does, is started again after a pause that grows while it goes on dying.
        The others go on. Raises EndedError when one died MAX_DEATHS times within a minute, while the disk had room.
        """
        while True:
            self._look_at_disk()
            for part in self.parts:
                self._heal(part, self.lives[part.name])
                self._look_inside(part)
            if self._report_due is not None and time.monotonic() >= self._report_due:
                self.report()
            self._truncate_logs()
            time.sleep(0.2)

    def _look_at_disk(self) -> None:
        line = disk.full_line(self.var_dir, was_full=bool(self._full_disk))
        if line and not self._full_disk:
            self._say(f"[yellow]![/] {escape(line)}")
        elif self._full_disk and not line:
            self._say(f"[green]✓[/] The disk of {escape(str(self.var_dir))} has room again")
            for life in self.lives.values():
                life.due = 0.0  # what waits for its next start waited for this
        self._full_disk = line

    def _heal(self, part: Part, life: Life) -> None:
        code, now = part.child.returncode if part.child else None, time.monotonic()
        if life.state == "waiting":
            if now >= life.due:
                self._launch(part, life)
        elif code is not None:
            self._died(part, life, exit_description(code))
        elif life.state == "starting":
            if part.is_ready():
                life.state = "running"
                self._print_done(f"{part.name} runs again", life.started)
                self._print_note(part)
                self.report()
            elif now - life.started > part.ready_seconds:
                self._died(part, life, f"was not ready within {part.ready_seconds:g} s")

    def _look_inside(self, part: Part) -> None:
        if not (part.inner and part.child and part.child.log):
            return
        for how in part.inner.deaths(part.child.log):
            life = self.lives.setdefault(part.inner.name, Life(part.inner.name, time.monotonic()))
            life.died(how, time.monotonic(), counts=False)
            life.state = "running"  # the part starts it again
            self._say_death(life, f"{part.name} starts it again", part.child.log)
            self.report()

    def _launch(self, part: Part, life: Life) -> None:
        try:
            part.launch()
        except (ChildError, OSError) as error:
            self._died(part, life, f"did not start: {error}")
        else:
            life.launched(time.monotonic())
            self.report()

    def _died(self, part: Part, life: Life, reason: str) -> None:
        tail = part.child.tail() if part.child else ""
        part.kill()
        full = disk.full_line(self.var_dir, was_full=bool(self._full_disk))
        if full and life.state != "running":
            life.postpone(time.monotonic())  # a start that the full disk prevents, said already
            return
        life.died(reason, time.monotonic(), counts=not full)
        if life.too_often:
            raise EndedError(
                f"{part.name} {reason}. It died {MAX_DEATHS} times within {WINDOW_SECONDS} s.\n{tail}"
            )
        self._say_death(life, f"it starts again in {life.pause:g} s", part.child.log if part.child else None)
        self.report()

    def report(self) -> None:
        """Calls on_change(); while the disk is full, watch() calls it again until it succeeds."""
        try:
            self.on_change()
            self._report_due = None
        except OSError as error:
            if self._report_due is None:
                self._say(
                    f"[yellow]![/] `manage.py status` does not show the change yet: {escape(str(error))}"
                )
            self._report_due = time.monotonic() + REPORT_SECONDS

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
        self._say(f"[green]✓[/] {name}  [dim]{took}[/]")

    def _print_note(self, part: Part) -> None:
        if part.note:
            self._say(f"[yellow]![/] {escape(part.note)}")

    def _say_death(self, life: Life, then: str, log: Path | None) -> None:
        times = f" (time {life.count})" if life.count > 1 else ""
        at = time.strftime("%H:%M:%S")
        self._say(
            f"[yellow]![/] {at} {escape(life.name)} {escape(life.reason)}{times}; {then}. Its log: {log}"
        )

    def _say(self, line: str) -> None:
        with contextlib.suppress(OSError):  # the output may be a file on the disk that is full
            self.console.print(line, highlight=False)

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
