"""The supervisor: what it starts again, what ends the whole stack, and that nothing outlives it."""

import io
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from tetraflix.embedded import disk, reaper, restarts
from tetraflix.embedded.processes import ChildError, Inner, Program
from tetraflix.embedded.restarts import Life
from tetraflix.embedded.supervisor import EndedError, Supervisor

FOREVER = "import signal; signal.pause()"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Supervisor]:
    """A running supervisor; its console writes to `held.console.file`."""
    with Supervisor(console=Console(file=io.StringIO(), width=200), var_dir=tmp_path) as one:
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
    see_it_run(held, "victim")
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
    log = held.log_dir / "victim.log"
    assert f" victim {how}; it starts again in 0.5 s. Its log: {log}\n" in output(held)
    assert "✓ victim runs again" in output(held)


def test_a_full_disk_has_room_again_only_with_twice_as_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"  # where a server has its data, when var/ is closed to it
    line = (
        f"The disk of {folder} is full (31 MB free): what cannot be stored is refused until 64 MB are free."
    )

    def lines(free: int) -> tuple[str, str]:
        usage = {tmp_path: 10**9, folder: free}
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=usage[path]))
        return disk.full_line(tmp_path), disk.full_line(tmp_path, was_full=True)

    assert lines(31_000_000) == (line, line)
    assert lines(33_000_000) == ("", line.replace("31 MB", "33 MB"))
    assert lines(64_000_000) == ("", "")
    monkeypatch.undo()
    assert disk.full_line(tmp_path / "missing") == ""


def fails_until(starts: Path, number: int) -> str:
    """A program that ends with code 1 at its first starts; each adds a letter to the file."""
    count = f"f = open({str(starts)!r}, 'a+'); f.write('x'); f.seek(0); n = len(f.read()); f.close()"
    return f"{count}\nif n < {number}: raise SystemExit(1)\n{FOREVER}"


def see_it_run(held: Supervisor, name: str) -> None:
    """watch() raises Seen once the part runs again."""

    def see() -> None:
        if held.lives[name].state == "running":
            raise Seen

    held.on_change = see


def test_starts_on_a_full_disk_are_no_deaths_and_it_is_said_once(
    held: Supervisor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick_restarts: None
) -> None:
    monkeypatch.setattr(restarts, "MAX_PAUSE_SECONDS", 0.01)
    line, starts = f"The disk of {held.var_dir} is full", tmp_path / "starts"
    monkeypatch.setattr(disk, "full_line", lambda var_dir, *, was_full: line)
    see_it_run(held, "victim")
    start(held, "victim", fails_until(starts, 8))
    with pytest.raises(Seen):
        held.watch()
    assert starts.read_text() == 8 * "x"
    assert held.lives["victim"].count == 1
    assert output(held).count(line) == 1
    assert output(held).count("victim ended with code 1; it starts again in 0.01 s.") == 1


def test_what_waits_starts_as_soon_as_the_disk_has_room(
    held: Supervisor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick_restarts: None
) -> None:
    monkeypatch.setattr(restarts, "MAX_PAUSE_SECONDS", 3600)

    def full_line(var_dir: Path, *, was_full: bool) -> str:
        return "" if held.lives["victim"].due > time.monotonic() + 1000 else "full"

    monkeypatch.setattr(disk, "full_line", full_line)
    see_it_run(held, "victim")
    start(held, "victim", fails_until(tmp_path / "starts", 3))
    with pytest.raises(Seen):
        held.watch()
    assert f"The disk of {held.var_dir} has room again\n" in output(held)


def test_what_cannot_be_reported_is_reported_later(held: Supervisor) -> None:
    refused = [OSError(28, "No space left on device", "stack.json")] * 2

    def report() -> None:
        if refused:
            raise refused.pop()
        raise Seen

    held.on_change = report
    start(held, "victim", "import sys; sys.exit(1)")
    with pytest.raises(Seen):
        held.watch()
    assert output(held).count("status` does not show the change yet: [Errno 28] No space left on device") == 1


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
    see_it_run(held, "guard")
    guard.child.process.kill()
    with pytest.raises(Seen):
        held.watch()
    assert guard.is_ready()
    assert len(reaper.marked(held.mark)) == 1


def test_a_step_that_fails_says_why(held: Supervisor) -> None:
    with pytest.raises(ChildError) as error:
        held.run("schema", ["-c", "import sys; sys.exit('no such table')"], env={})
    assert str(error.value) == f"schema ended with code 1.\n{held.log_dir / 'setup.log'}:\nno such table"


def test_the_log_tells_each_death_of_an_inner_process_once(tmp_path: Path) -> None:
    log, inner = tmp_path / "log", Inner("backend", r"PID \d+ (was killed)")
    inner.skip(log)
    log.write_text("PID 1 was killed\nPID 2 was ki")
    assert inner.deaths(log) == ["was killed"]
    assert inner.deaths(log) == []
    with log.open("a") as more:
        more.write("lled\nPID 3 was killed\n")
    assert inner.deaths(log) == ["was killed"] * 2
    log.write_text("PID 4 was killed\n")  # truncated before, as when it was too long
    assert inner.deaths(log) == ["was killed"]
    inner.skip(log)
    log.write_text("")
    assert inner.deaths(log) == []
    log.write_text("PID 5 was killed\n")
    assert inner.deaths(log) == ["was killed"]
