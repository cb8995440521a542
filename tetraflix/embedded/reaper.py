"""The guard process: kills what is left of a stack whose supervisor was killed with SIGKILL. Run by its path.

The kernel sends every child a signal when the supervisor dies; the guard waits until the others have ended, and
kills those that have not. It is started first, with SIGTERM blocked, and nothing else is started before it is
ready, so the supervisor's death leaves nothing running at any moment.
"""

import contextlib
import os
import signal
import sys
import time

import psutil

MARK_VARIABLE = "TETRAFLIX_STACK"  # in the environment of every process of one stack
PATIENCE_SECONDS = 8


def marked(mark: str) -> list[psutil.Process]:
    """Every process that carries the mark, except this one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK_VARIABLE) == mark and process.pid != os.getpid():
                found.append(process)
    return found


def kill_all(processes: list[psutil.Process]) -> None:
    """Kills them and waits for their end."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, 5)


def ready_line(pid: int) -> str:
    """What a guard with this pid prints when it is ready."""
    return f"guard {pid} is ready"


def main(mark: str, supervisor: int) -> None:
    """Waits for SIGTERM; when it came because the supervisor died, ends every process with the mark.

    The caller starts it with SIGTERM blocked, so a signal that came earlier is received here.
    """
    sys.stdout.write(f"{ready_line(os.getpid())}\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM})
    if os.getppid() == supervisor:
        return  # the supervisor is alive and stops everything itself
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := marked(mark):
        if time.monotonic() > deadline:
            kill_all(left)
            return
        time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
