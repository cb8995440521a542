"""Heartbeats of the processes that listen on no port: beat, the worker, the receivers of the two queues."""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0
STALE_SECONDS = 60.0  # a long poll takes 20 s, a batch a little longer


def is_stale(age: float | None) -> bool:
    """Whether a process with a heartbeat of this age (None: it never had one) counts as not running."""
    return age is None or age > STALE_SECONDS


def record(*names: str) -> None:
    """Stores a heartbeat for each of these names, at the time of the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tetraflix_heartbeat (name, at) SELECT unnest(%s::text[]), now()"
            " ON CONFLICT (name) DO UPDATE SET at = excluded.at",
            [sorted(names)],
        )


@dataclass(frozen=True, slots=True)
class ExpectedProcess:
    """A process that has to run. `name` is that of its heartbeat, `hint` says how it is started."""

    name: str
    label: str
    hint: str

    def problem(self, age: float | None) -> str | None:
        """The sentence about a stale heartbeat of this age; None for a fresh one."""
        if not is_stale(age):
            return None
        since = "ever" if age is None else f"for {age:,.0f} s"
        return f"{self.label}: no heartbeat {since}. {self.hint}"


def receiver_name(queue: str) -> str:
    """The name of the heartbeat of a queue's receivers."""
    return f"receiver of {queue}"


def expected() -> list[ExpectedProcess]:
    """The processes that the service needs, by the present settings."""
    queues = (settings.SESSION_QUEUE, settings.RECS_QUEUE)
    receivers = "`make run`, `celery -A tetraflix worker` or `manage.py consume` starts it."
    return [
        ExpectedProcess("beat", "Beat", "`make run` or `celery -A tetraflix beat` starts it."),
        ExpectedProcess("worker", "The worker", "`make run` or `celery -A tetraflix worker` starts it."),
        *(ExpectedProcess(receiver_name(queue), f"The receiver of {queue}", receivers) for queue in queues),
    ]


class HeartbeatWriter:
    """Collects this process's heartbeats; a thread writes them to the database, at most every INTERVAL_SECONDS."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._pending = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, name: str) -> None:
        """A heartbeat of this name is due. Returns at once, whatever the state of the database."""
        with self._lock:
            self._names.add(name)
        self._pending.set()

    def start(self, **signal: Any) -> None:
        """Starts the thread. A receiver of signals, safe to repeat."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._pending.wait()
            self._pending.clear()
            with self._lock:
                names, self._names = self._names, set()
            try:
                record(*names)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("heartbeats are not written: %s", str(error).strip())
            except Exception:  # the thread must live: missing heartbeats raise an alarm
                logger.exception("heartbeats are not written")
            finally:
                connection.close()  # not worth keeping for one statement every ten seconds
            time.sleep(INTERVAL_SECONDS)


writer = HeartbeatWriter()


def note_poll(queue: str, **signal: Any) -> None:
    """This process polled the queue, and SQS answered. A receiver of signals."""
    writer.note(receiver_name(queue))
