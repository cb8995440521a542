"""Nothing outlives a supervisor, however it ends: Ctrl-C, SIGTERM, or kill -9 at any moment."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from tests.tetraflix.embedded.test_supervisor import FOREVER, start
from tests.waiting import wait_until
from tetraflix.embedded import reaper, supervisor
from tetraflix.embedded.supervisor import Supervisor

STUBBORN = (
    f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('stubborn', flush=True); {FOREVER}"
)
WITH_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {FOREVER!r}])"


def test_nothing_outlives_it_not_even_the_children_of_a_killed_child(tmp_path: Path) -> None:
    with Supervisor(console=Console(file=io.StringIO()), var_dir=tmp_path) as held:
        parent = start(held, "parent", WITH_A_CHILD)
        wait_until(lambda: psutil.Process(parent.child.pid).children() != [], seconds=60)
        assert len(reaper.marked(held.mark)) == 3  # the guard, the parent, its child
        os.kill(parent.child.pid or 0, signal.SIGKILL)
    assert reaper.marked(held.mark) == []


def test_a_program_that_ignores_sigterm_is_killed_when_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.5)
    with Supervisor(console=Console(file=io.StringIO()), var_dir=tmp_path) as held:
        start(held, "stubborn", STUBBORN)
        wait_until(lambda: (tmp_path / "log" / "stubborn.log").read_text() == "stubborn\n", seconds=60)
        since = time.monotonic()
    assert reaper.marked(held.mark) == []
    assert time.monotonic() - since >= 0.5


MARK = re.compile("[0-9a-f]{16}")
STOP_SECONDS = 3.0
SCRIPT = """
import sys
from pathlib import Path
from rich.console import Console
from tetraflix.embedded import disk, reaper, restarts, supervisor
from tetraflix.embedded.supervisor import StopRequested, Supervisor
supervisor.STOP_SECONDS = float(sys.argv[2])
reaper.__file__ = sys.argv[3]
held = Supervisor(console=Console(), var_dir=Path(sys.argv[1]))
print(held.mark, flush=True)
try:
    with held:
        for name, code in zip(sys.argv[4::2], sys.argv[5::2]):
            held.start(held.program(name, ["-c", code], env=None))
        held.watch()
except StopRequested:
    print("stopped")
"""
PROGRAMS = ["a", FOREVER, "b", WITH_A_CHILD, "stubborn", STUBBORN]


class SlowGuard:
    """A guard as on a busy machine: it starts when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.gate, self.file = folder / "gate", folder / "slow_guard.py"
        os.mkfifo(self.gate)
        # Opening a pipe to read blocks until a writer opens it.
        self.file.write_text(
            f"import runpy; open({str(self.gate)!r}).close();"
            f" runpy.run_path({reaper.__file__!r}, run_name='__main__')"
        )

    def go(self) -> None:
        """Lets the guard start, waiting until it has got so far."""
        self.gate.write_text("")


@pytest.fixture
def slow_guard(tmp_path: Path) -> SlowGuard:
    return SlowGuard(tmp_path)


@contextmanager
def supervising(
    folder: Path, guard_file: str = reaper.__file__
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A supervisor in a process of its own that starts three programs, one of which ignores SIGTERM; and its mark."""
    words = [sys.executable, "-c", SCRIPT, str(folder), str(STOP_SECONDS), guard_file, *PROGRAMS]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout
        mark = next(word for line in process.stdout if MARK.fullmatch(word := line.strip()))
        try:
            yield process, mark
        finally:
            process.kill()
            reaper.kill_all(reaper.marked(mark))


def wait_for_all(folder: Path, mark: str) -> None:
    wait_until(lambda: len(reaper.marked(mark)) == 5, seconds=60)  # the guard, three, and b's child
    wait_until(lambda: "stubborn" in (folder / "log" / "stubborn.log").read_text(), seconds=60)


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A supervisor in a process of its own, with everything started; and its mark."""
    with supervising(tmp_path) as (process, mark):
        wait_for_all(tmp_path, mark)
        yield process, mark


def test_a_second_ctrl_c_does_not_wait(apart: tuple[subprocess.Popen[str], str]) -> None:
    process, mark = apart
    since = time.monotonic()
    process.send_signal(signal.SIGINT)
    wait_until(lambda: time.monotonic() - since > supervisor.SECOND_SIGNAL_SECONDS + 0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert process.stdout
    assert "Killing what is left." in process.stdout.read()
    assert reaper.marked(mark) == []


def test_one_ctrl_c_that_arrives_twice_counts_once(apart: tuple[subprocess.Popen[str], str]) -> None:
    process, mark = apart
    since = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=STOP_SECONDS + 60) == 0
    assert time.monotonic() - since >= STOP_SECONDS  # the stubborn program had its time
    assert reaper.marked(mark) == []


GONE_SECONDS = reaper.PATIENCE_SECONDS + 60.0  # on a busy machine


def test_kill_9_of_the_supervisor_leaves_nothing(apart: tuple[subprocess.Popen[str], str]) -> None:
    process, mark = apart
    process.kill()
    wait_until(lambda: reaper.marked(mark) == [], seconds=GONE_SECONDS)


def test_nothing_is_started_before_the_guard_is_ready(tmp_path: Path, slow_guard: SlowGuard) -> None:
    with supervising(tmp_path, str(slow_guard.file)) as (process, mark):
        wait_until(lambda: len(reaper.marked(mark)) == 1, seconds=60)  # the guard itself, not started yet
        process.kill()
        process.wait()
        slow_guard.go()
        wait_until(lambda: reaper.marked(mark) == [], seconds=GONE_SECONDS)
        assert {file.name for file in (tmp_path / "log").glob("*.log")} == {"guard.log"}


def test_kill_9_leaves_nothing_when_the_guard_was_slow_to_start(
    tmp_path: Path, slow_guard: SlowGuard
) -> None:
    with supervising(tmp_path, str(slow_guard.file)) as (process, mark):
        slow_guard.go()
        wait_for_all(tmp_path, mark)
        process.kill()
        wait_until(lambda: reaper.marked(mark) == [], seconds=GONE_SECONDS)


def test_a_signal_while_the_guard_starts_stops_everything(tmp_path: Path, slow_guard: SlowGuard) -> None:
    with supervising(tmp_path, str(slow_guard.file)) as (process, mark):
        wait_until(lambda: len(reaper.marked(mark)) == 1, seconds=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert reaper.marked(mark) == []
