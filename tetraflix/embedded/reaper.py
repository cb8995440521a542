"""The last one out: ends what a supervisor that was killed with -9 left behind. Run by its path.

Every child gets a signal from the kernel when the supervisor dies; this one waits until the others have
obeyed, and kills those that did not. It is started first, with SIGTERM blocked, and nothing else is started
before it says that it is ready: so there is no moment at which the supervisor's death leaves something behind.
"""

import contextlib
import os
import signal
import sys
import time

import psutil

MARK_VARIABLE = "TETRAFLIX_STACK"  # in the environment of everything that belongs to one stack
PATIENCE_SECONDS = 8


def marked(mark: str) -> list[psutil.Process]:
    """Every process that carries the mark, but this one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK_VARIABLE) == mark and process.pid != os.getpid():
                found.append(process)
    return found


def kill_all(processes: list[psutil.Process]) -> None:
    """They are gone."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, 5)


def ready_line(pid: int) -> str:
    """What a guard with this pid prints once it waits."""
    return f"guard {pid} is ready"


def main(mark: str, supervisor: int) -> None:
    """Waits for the signal; when it came because the supervisor died, nothing marked runs at the end.

    SIGTERM is blocked by whoever starts it: one that came before this line waits to be taken here.
    """
    sys.stdout.write(f"{ready_line(os.getpid())}\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM})
    if os.getppid() == supervisor:
        return  # it asked us to leave: it does the rest itself
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := marked(mark):
        if time.monotonic() > deadline:
            kill_all(left)
            return
        time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
