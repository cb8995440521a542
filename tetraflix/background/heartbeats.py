"""Heartbeats of processes that no port answers for: beat, the worker, who receives from each queue."""

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

logger = logging.getLogger(__name__)

EVERY_SECONDS = 10.0
ALIVE_SECONDS = 60.0  # older than this, and it is not alive: a long poll takes 20 s, a batch some more


def sign(*names: str) -> None:
    """The processes of these names are alive, as of now by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tetraflix_heartbeat (name, at) SELECT unnest(%s::text[]), now()"
            " ON CONFLICT (name) DO UPDATE SET at = excluded.at",
            [sorted(names)],
        )


def ages(names: Iterable[str]) -> dict[str, float | None]:
    """Seconds since the last heartbeat of each name; None where there never was one."""
    names = list(names)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, extract(epoch FROM now() - at)::float8 FROM tetraflix_heartbeat WHERE name = ANY(%s)",
            [names],
        )
        found = dict(cursor.fetchall())
    return {name: found.get(name) for name in names}


def age(name: str) -> float | None:
    """Seconds since its last heartbeat; None when there never was one."""
    return ages([name])[name]


@dataclass(frozen=True, slots=True)
class Watched:
    """Something that has to go on, and what is said when it does not."""

    name: str  # of its heartbeat
    what: str
    mend: str

    def silence(self, age: float | None) -> str | None:
        """The sentence about a heartbeat this old; None while it is alive."""
        if age is not None and age <= ALIVE_SECONDS:
            return None
        since = f"for {age:,.0f} s" if age is not None else "ever"
        return f"{self.what}: no heartbeat {since}. {self.mend}"


def receiver(queue: str) -> str:
    """The name of the heartbeat of whoever receives from the queue."""
    return f"receiver of {queue}"


def watched() -> list[Watched]:
    """What the service needs, as the settings are now."""
    queues = (settings.SESSION_QUEUE, settings.RECS_QUEUE)
    receivers = "`make run`, `celery -A tetraflix worker` or `manage.py consume` starts it."
    return [
        Watched("beat", "Beat", "`make run` or `celery -A tetraflix beat` starts it."),
        Watched("worker", "The worker", "`make run` or `celery -A tetraflix worker` starts it."),
        *(Watched(receiver(queue), f"The receiver of {queue}", receivers) for queue in queues),
    ]


def silences() -> list[str]:
    """A sentence for everything that should go on and has had no heartbeat for too long."""
    found = watched()
    known = ages([one.name for one in found])
    return [line for one in found if (line := one.silence(known[one.name]))]


class Pulse:
    """Notes what this process did; a thread of its own leaves it in the database, at most every EVERY_SECONDS."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: set[str] = set()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, name: str) -> None:
        """It is alive now. Returns at once, whatever state the database is in."""
        with self._lock:
            self._noted.add(name)
        self._some.set()

    def start(self, **signal: Any) -> None:
        """From now on what is noted is written. A receiver of signals."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            with self._lock:
                names, self._noted = self._noted, set()
            try:
                sign(*names)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("heartbeats are not written: %s", str(error).strip())
            except Exception:  # the thread must live: its silence is an alarm
                logger.exception("heartbeats are not written")
            finally:
                connection.close()  # none is kept for a statement every ten seconds
            time.sleep(EVERY_SECONDS)


pulse = Pulse()


def polled(queue: str, **signal: Any) -> None:
    """Somebody in this process asked the queue, and it answered. A receiver of signals."""
    pulse.note(receiver(queue))
