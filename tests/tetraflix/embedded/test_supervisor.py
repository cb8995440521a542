"""The supervisor: what it starts again, what ends the whole stack, and that nothing outlives it."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from tests.waiting import wait_until
from tetraflix.embedded import reaper, restarts, supervisor
from tetraflix.embedded.processes import ChildError
from tetraflix.embedded.restarts import Life
from tetraflix.embedded.supervisor import EndedError, Program, Supervisor

FOREVER = "import signal; signal.pause()"
STUBBORN = (
    f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('stubborn', flush=True); {FOREVER}"
)
WITH_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {FOREVER!r}])"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Supervisor]:
    """A running supervisor; its console writes to `held.console.file`."""
    with Supervisor(console=Console(file=io.StringIO(), width=200), log_dir=tmp_path) as one:
        yield one


def start(held: Supervisor, name: str, code: str) -> Program:
    program = held.program(name, ["-c", code], env=None)
    held.start(program, quiet=True)
    return program


def output(held: Supervisor) -> str:
    assert isinstance(held.console.file, io.StringIO)
    return held.console.file.getvalue()


class Seen(Exception):
    """Ends watch(), because the test has seen what it waited for."""


@pytest.fixture
def quick_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "FIRST_PAUSE_SECONDS", 0.01)


ENDS = [
    ("import sys; sys.exit(3)", "ended with code 3"),
    ("import sys; sys.exit(0)", "ended with code 0"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was killed (SIGKILL)"),
    ("import os; os.kill(os.getpid(), 40)", "was killed (signal 40)"),
]


@pytest.mark.parametrize(("code", "how"), ENDS)
def test_a_program_that_dies_in_any_way_starts_again_and_the_others_go_on(
    held: Supervisor, tmp_path: Path, code: str, how: str
) -> None:
    file = tmp_path / "dies"
    file.touch()

    def see() -> None:
        if held.lives["victim"].state == "running":
            raise Seen

    held.on_change = see
    other = start(held, "other", FOREVER)
    dies_once = (
        f"import pathlib; f = pathlib.Path({str(file)!r}); there = f.exists(); f.unlink(missing_ok=True)"
    )
    victim = start(held, "victim", f"{dies_once}\nif there:\n    {code}\n{FOREVER}")
    first, kept = victim.child.pid, other.child.pid
    with pytest.raises(Seen):
        held.watch()
    assert victim.child.running
    assert victim.child.pid != first
    assert other.child.pid == kept
    assert other.child.running
    death = held.lives["victim"].as_json()
    assert datetime.fromisoformat(death.pop("at")).tzinfo is not None
    assert death == {"count": 1, "reason": how, "state": "running"}
    log = tmp_path / "victim.log"
    assert f" victim {how}; it starts again in 0.5 s. Its log: {log}\n" in output(held)
    assert "✓ victim runs again" in output(held)


def test_a_start_that_fails_because_the_disk_is_full_is_tried_again_and_never_ends_the_stack(
    held: Supervisor, monkeypatch: pytest.MonkeyPatch, quick_restarts: None
) -> None:
    monkeypatch.setattr(restarts, "MAX_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(supervisor, "disk_is_full", lambda folder: held.lives["victim"].count < 7)

    def see() -> None:
        if held.lives["victim"].count == 8:
            raise Seen

    held.on_change = see
    start(held, "victim", "import sys; sys.exit(1)")
    with pytest.raises(Seen):
        held.watch()
    assert f"ended with code 1, and the disk of {held.log_dir} is full (time 7);" in output(held)


def test_five_deaths_within_a_minute_end_the_stack_with_the_reason_and_the_log(
    held: Supervisor, quick_restarts: None
) -> None:
    start(held, "other", FOREVER)
    start(held, "victim", "print('last words'); import sys; sys.exit(3)")
    with pytest.raises(EndedError) as error:
        held.watch()
    log = held.log_dir / "victim.log"
    assert str(error.value) == (
        f"victim ended with code 3. It died 5 times within 60 s.\n{log}:" + "\nlast words" * 5
    )
    assert output(held).count("! ") == 4


def test_the_pauses_double_up_to_a_bound_and_begin_anew_after_a_healthy_minute() -> None:
    life, now, pauses = Life("victim", 0.0), 0.0, []
    for _ in range(7):
        life.died("ended with code 1", now)
        pauses.append(life.pause)
        now += 100
    assert pauses == [0.5, 1, 2, 4, 8, 15, 15]
    assert not life.too_often
    life.launched(now)
    life.state = "running"
    life.died("ended with code 1", now + restarts.HEALTHY_SECONDS + 1)
    assert life.pause == 0.5


def test_a_killed_guard_is_replaced(held: Supervisor) -> None:
    (guard,) = held.parts
    assert guard.child
    assert guard.child.process

    def see() -> None:
        if held.lives["guard"].state == "running":
            raise Seen

    held.on_change = see
    guard.child.process.kill()
    with pytest.raises(Seen):
        held.watch()
    assert guard.is_ready()
    assert len(reaper.marked(held.mark)) == 1


def test_a_step_that_fails_says_why(held: Supervisor) -> None:
    with pytest.raises(ChildError) as error:
        held.run("schema", ["-c", "import sys; sys.exit('no such table')"], env={})
    assert str(error.value) == f"schema ended with code 1.\n{held.log_dir / 'setup.log'}:\nno such table"


def test_nothing_outlives_it_not_even_the_children_of_a_killed_child(tmp_path: Path) -> None:
    with Supervisor(console=Console(file=io.StringIO()), log_dir=tmp_path) as held:
        parent = start(held, "parent", WITH_A_CHILD)
        wait_until(lambda: psutil.Process(parent.child.pid).children() != [], seconds=60)
        assert len(reaper.marked(held.mark)) == 3  # the guard, the parent, its child
        os.kill(parent.child.pid or 0, signal.SIGKILL)
    assert reaper.marked(held.mark) == []


def test_a_program_that_ignores_sigterm_is_killed_when_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.5)
    with Supervisor(console=Console(file=io.StringIO()), log_dir=tmp_path) as held:
        start(held, "stubborn", STUBBORN)
        wait_until(lambda: (tmp_path / "stubborn.log").read_text() == "stubborn\n", seconds=60)
        since = time.monotonic()
    assert reaper.marked(held.mark) == []
    assert time.monotonic() - since >= 0.5


MARK = re.compile("[0-9a-f]{16}")
STOP_SECONDS = 3.0
SCRIPT = """
import sys
from pathlib import Path
from rich.console import Console
from tetraflix.embedded import reaper, restarts, supervisor
from tetraflix.embedded.supervisor import StopRequested, Supervisor
supervisor.STOP_SECONDS = float(sys.argv[2])
reaper.__file__ = sys.argv[3]
held = Supervisor(console=Console(), log_dir=Path(sys.argv[1]))
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
        yield process, mark
        process.kill()
    reaper.kill_all(reaper.marked(mark))


def wait_for_all(folder: Path, mark: str) -> None:
    wait_until(lambda: len(reaper.marked(mark)) == 5, seconds=60)  # the guard, three, and b's child
    wait_until(lambda: "stubborn" in (folder / "stubborn.log").read_text(), seconds=60)


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
        assert {file.name for file in tmp_path.glob("*.log")} == {"guard.log"}


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
