"""The addresses of the running stack's servers, in var/run/stack.json: `make run` writes it, settings read it."""

import json
import os
import time
from pathlib import Path
from typing import Any


def read(var_dir: Path) -> dict[str, Any] | None:
    """The addresses of the stack that runs on this var folder; None when none runs.

    The file of a stack that was killed is ignored.
    """
    try:
        stack = json.loads(_file(var_dir).read_text())
        alive = started_at(stack["pid"]) == stack["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return stack if alive else None


def write(var_dir: Path, stack: dict[str, Any]) -> None:
    """Writes the addresses of this process's stack, atomically."""
    file = _file(var_dir)
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(f".{os.getpid()}")
    new.unlink(missing_ok=True)
    owners_only = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)  # a URL may hold a password
    with open(owners_only, "w") as out:
        json.dump({**stack, "pid": os.getpid(), "started": started_at(os.getpid())}, out, indent=1)
    new.replace(file)


def remove(var_dir: Path) -> None:
    """Removes the file."""
    _file(var_dir).unlink(missing_ok=True)


def started_at(pid: int) -> str:
    """When the process started, in clock ticks since boot; raises OSError when there is no such process.

    A pid is reused after its process has ended, so only pid and start time identify a process.
    """
    # The command's name, in brackets, may contain blanks, so fields are counted from the last bracket.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def uptime(pid: int) -> float:
    """Seconds since the process started; 0 when there is none."""
    try:
        ticks = int(started_at(pid))
    except OSError:
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def is_running(pid: int) -> bool:
    """Whether the process is alive, and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _file(var_dir: Path) -> Path:
    return var_dir / "run" / "stack.json"
