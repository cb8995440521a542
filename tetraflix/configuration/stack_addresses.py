"""Where the running stack's servers are: var/run/stack.json, written by `make run`, read by settings."""

import json
import os
import time
from pathlib import Path
from typing import Any


def read(var_dir: Path) -> dict[str, Any] | None:
    """The addresses that a living stack of this var folder wrote; None when none runs.

    A file left behind by a stack that was killed counts as none.
    """
    try:
        stack = json.loads(_file(var_dir).read_text())
        alive = started_at(stack["pid"]) == stack["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return stack if alive else None


def write(var_dir: Path, stack: dict[str, Any]) -> None:
    """Announces this process's stack. A reader sees the old file or the whole new one, never half of it."""
    file = _file(var_dir)
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(f".{os.getpid()}")
    half.unlink(missing_ok=True)
    owners_only = os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)  # a URL may hold a password
    with open(owners_only, "w") as out:
        json.dump({**stack, "pid": os.getpid(), "started": started_at(os.getpid())}, out, indent=1)
    half.replace(file)


def remove(var_dir: Path) -> None:
    """Nothing is announced any more."""
    _file(var_dir).unlink(missing_ok=True)


def started_at(pid: int) -> str:
    """When the process started, in clock ticks since boot; raises OSError when there is no such process.

    A pid is given out again after its process died: only the pair of pid and start names one process.
    """
    # The command's name, in brackets, may hold blanks: count the fields from the last bracket.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def uptime(pid: int) -> float:
    """Seconds since the process started; 0 when there is none."""
    try:
        ticks = int(started_at(pid))
    except OSError:
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def is_running(pid: int) -> bool:
    """Whether the process is alive: not gone, and not dead and waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _file(var_dir: Path) -> Path:
    return var_dir / "run" / "stack.json"
