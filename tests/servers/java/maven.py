"""The Java of this machine, and folders that are made from Maven Central once on it."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tetraflix.embedded.server_folders import OPEN, make_reachable

# World-readable, because Elasticsearch refuses to run as root; shared by all checkouts.
CACHE = Path(os.environ.get("TETRAFLIX_TEST_CACHE", OPEN / f"tetraflix-test-cache-{os.geteuid()}"))
DOWNLOAD_SECONDS = (
    250  # less than the timeout of a test, so that a silent network skips it instead of failing it
)


class UnavailableError(Exception):
    """This machine lacks something that the server needs; the message says what."""


def find_java(oldest: int, *, with_program: str = "java") -> Path:
    """The home of a Java that is new enough and has the program. Raises UnavailableError."""
    given = [Path(os.environ[name]) for name in ("ES_JAVA_HOME", "JAVA_HOME") if os.environ.get(name)]
    for home in (*given, *sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)):
        release = home / "release"
        match = release.is_file() and re.search(r'JAVA_VERSION="(\d+)', release.read_text())
        if match and int(match[1]) >= oldest and (home / "bin" / with_program).exists():
            return home
    raise UnavailableError(
        f"no Java >= {oldest} with {with_program} in /usr/lib/jvm, ES_JAVA_HOME or JAVA_HOME"
    )


def install(name: str, make: Callable[[Path], Path], *, programs: tuple[str, ...] = ("mvn",)) -> Path:
    """The folder of this name in the cache; at the first call on this machine, the one that `make` returns.

    `make` may work in the folder that it is given. Raises UnavailableError without one of the programs.
    """
    home = CACHE / name
    done = home / "complete"
    if done.exists():
        return home
    for program in programs:
        if shutil.which(program) is None:
            raise UnavailableError(f"{program} is needed to download it once")
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return home
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            made = make(Path(folder))
            shutil.rmtree(home, ignore_errors=True)
            made.rename(home)
        make_reachable(home)
        done.touch()
    return home


def maven(folder: Path, *words: str) -> None:
    """Runs Maven with strict checksums and its repository in `folder/m2`. Raises UnavailableError when it fails."""
    run("mvn", "-B", "-q", "-C", f"-Dmaven.repo.local={folder}/m2", *words)


def run(*argv: str) -> None:
    """Raises UnavailableError with the first line that the program has written when it fails, or hangs."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=DOWNLOAD_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{argv[0]} took longer than {DOWNLOAD_SECONDS} s") from None
    if done.returncode:
        reason = (done.stdout + done.stderr).strip().partition("\n")[0]
        raise UnavailableError(f"{argv[0]} failed: {reason}")
