"""Collects what runs, where, and how much it holds, for `manage.py status`."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db import InterfaceError, OperationalError, ProgrammingError, connection

from movies.foundation import retries
from movies.outbox import bus
from recommendations import stores
from recommendations.stores.base import StoreUnavailable
from tetraflix.background import heartbeats
from tetraflix.configuration import database_requirements, error_hints, stack_addresses
from tetraflix.embedded import disk
from tetraflix.embedded.ports import http_status
from tetraflix.health import service_state

MIGRATE = "The database has no tables yet, or outdated ones: `manage.py migrate` makes them."
SIZES = """
    SELECT (SELECT count(*) FROM movies_movie),
           (SELECT coalesce(sum(views), 0) FROM movies_viewcount)
"""


@dataclass
class Status:
    """What was found.

    `values`: for programs; null for what does not run. `rows`: more for people, by name. `down`: a line for each
    thing that should run and does not.
    """

    values: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    down: list[str] = field(default_factory=list)


def collect() -> Status:
    """Asks everything that should run. Raises nothing: what does not answer is listed in `down`."""
    status = Status()
    stack = stack_addresses.read(settings.VAR_DIR)
    _web(status, (stack or {}).get("web") or f"http://127.0.0.1:{settings.PORT}")
    _queues(status)
    _database(status)
    _deaths(status, stack)
    _programs(status, stack)
    if line := disk.full_line(settings.VAR_DIR):
        status.down.append(line)
    return status


def _web(status: Status, url: str) -> None:
    answers = http_status(urlsplit(url).port or 80, "/healthz") == 200
    status.values["web"] = url if answers else None
    if not answers:
        status.down.append(f"The web server at {url} does not answer: `make run` starts it.")


def _queues(status: Status) -> None:
    queues: dict[str, Any] = {}
    status.values |= {"sqs": None, "queues": queues}
    try:
        for name, queue in service_state.read_queues(bus.shared_client()):
            if isinstance(queue, ClientError):
                code = queue.response["Error"]["Code"]
                status.down.append(f"Queue {name}: {code}. `manage.py ensure_queues` makes what is missing.")
            else:
                queues[name] = queue._asdict()
    except BotoCoreError as error:
        status.down.append(error_hints.unreachable(error) or str(error))
        return
    status.values["sqs"] = settings.SQS_ENDPOINT or bus.shared_client().meta.endpoint_url


def _database(status: Status) -> None:
    status.values |= {"database": None, "movies": None, "users": None, "views": None}
    try:
        with connection.cursor() as cursor:
            status.values["database"] = without_password(settings.DATABASE_URL)
            status.down += database_requirements.missing(connection)
            cursor.execute(SIZES)
            movies, views = cursor.fetchone()
            status.values |= {"movies": movies, "views": int(views)}
        status.down += retries.failing_work()
        status.values["users"] = stores.current().count()
    except (OperationalError, InterfaceError, StoreUnavailable) as error:
        status.down.append(error_hints.unreachable(error) or str(error))
    except ProgrammingError:
        status.down.append(MIGRATE)


def _deaths(status: Status, stack: dict[str, Any] | None) -> None:
    """What died in the running stack, and what was unusual about its start, as its supervisor wrote it."""
    deaths, notes = (stack or {}).get("deaths", {}), (stack or {}).get("notes", [])
    status.values |= {"deaths": deaths, "notes": notes}
    for name, death in deaths.items():
        times = "once" if death["count"] == 1 else f"{death['count']} times"
        status.rows[f"{name} died"] = f"{times}, last {death['at']}: it {death['reason']}"
        if death["state"] != "running":
            log = settings.VAR_DIR / "log"
            status.down.append(f"{name} {death['reason']} at {death['at']} and starts again; logs: {log}")
    for number, note in enumerate(notes):
        status.rows["note" if not number else f"note {number + 1}"] = note


def _programs(status: Status, stack: dict[str, Any] | None) -> None:
    """Worker and beat listen on no port: the stack knows the pids of its own, and both have heartbeats."""
    if stack:
        for name in ("worker", "beat"):
            if stack.get("deaths", {}).get(name, {}).get("state", "running") != "running":
                return  # reported as dead
            pid = stack["programs"].get(name)
            if not pid or not stack_addresses.is_running(pid):
                log = settings.VAR_DIR / "log" / f"{name}.log"
                status.down.append(f"The {name} does not run; its log: {log}")
                return
            if stack_addresses.uptime(pid) < heartbeats.STALE_SECONDS:
                return  # its first heartbeat may still be due
    try:
        ages = service_state.heartbeat_ages()
        problems = service_state.problems(ages)
    except (OperationalError, InterfaceError, ProgrammingError):
        return  # reported with the database
    known = [f"{name} {age:.0f} s ago" for name, age in ages.items() if age is not None]
    if known:
        status.rows["heartbeats"] = ", ".join(known)
    status.down += problems


def without_password(url: str) -> str:
    """The URL with its password masked, for terminals and logs."""
    parts = urlsplit(url)
    return url if not parts.password else url.replace(f":{parts.password}@", ":***@", 1)
