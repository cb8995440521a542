"""The progress of a run: one line that changes on a terminal, else a line now and then."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

LINE_SECONDS = 10  # between two lines of output that is no terminal


class Progress:
    """Shows how many messages were sent and how many faults happened."""

    def __init__(self, console: Console, messages: int, faults: int) -> None:
        self._console, self._messages, self._faults = console, messages, faults
        self._next_line = self._started = time.monotonic()
        self._bar = Bar(
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} messages"),
            BarColumn(),
            TextColumn("{task.fields[faults]} faults"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=messages, faults=0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, sent: int, faults: int) -> None:
        """Shows these numbers; prints a line only when the last one is long ago."""
        self._bar.update(self._task, completed=sent, faults=faults)
        now = time.monotonic()
        if not self._console.is_terminal and now >= self._next_line:
            self._next_line = now + LINE_SECONDS
            seconds = now - self._started
            self.say(
                f"{sent:,} of {self._messages:,} messages, {faults} of {self._faults} faults, {seconds:.0f} s"
            )

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self._console.print(f"[dim]{text}[/dim]", highlight=False)
