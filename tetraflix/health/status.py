"""Collects what runs, where, and how much it holds, for `manage.py status`."""

from collections.abc import Sequence
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
from tetraflix.background import heartbeats, schedule
from tetraflix.configuration import database_requirements, error_hints, stack_addresses
from tetraflix.embedded import disk
from tetraflix.embedded.ports import http_status
from tetraflix.health import service_state, verdicts
from tetraflix.health.service_state import QueueState
from tetraflix.health.verdicts import Facts

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
    status, facts = Status(), Facts()
    stack = stack_addresses.read(settings.VAR_DIR)
    _web(status, (stack or {}).get("web") or f"http://127.0.0.1:{settings.PORT}")
    _queues(status, facts)
    _database(status, facts)
    _deaths(status, stack)
    _programs(status, facts, stack)
    if line := disk.full_line(settings.VAR_DIR):
        facts.database_problems.append(line)
    _judge(status, facts)
    return status


def _web(status: Status, url: str) -> None:
    answers = http_status(urlsplit(url).port or 80, "/healthz") == 200
    status.values["web"] = url if answers else None
    if not answers:
        status.down.append(f"The web server at {url} does not answer: `make run` starts it.")


def _judge(status: Status, facts: Facts) -> None:
    """The verdict on each part, by the rules of the dashboard."""
    found = verdicts.verdicts(facts)
    status.values["verdicts"] = {one.part: {"state": one.state, "detail": one.detail} for one in found}
    _, sentence = verdicts.overall(found)
    warnings = [line for one in found if not one.stopped for line in one.problems]
    status.rows = {"verdict": sentence, **_numbered("warning", warnings), **status.rows}
    status.down += [line for one in found if one.stopped for line in one.problems]


def _numbered(name: str, lines: Sequence[str]) -> dict[str, str]:
    """Rows of the same name: `note`, `note 2`, `note 3`."""
    return {name if number == 1 else f"{name} {number}": line for number, line in enumerate(lines, 1)}


def _queues(status: Status, facts: Facts) -> None:
    queues: dict[str, Any] = {}
    known: dict[str, QueueState] = {}
    status.values |= {"sqs": None, "queues": queues}
    try:
        for name, queue in service_state.read_queues(bus.shared_client()):
            if isinstance(queue, ClientError):
                code = queue.response["Error"]["Code"]
                facts.queue_problems.append(
                    f"Queue {name}: {code}. `manage.py ensure_queues` makes what is missing."
                )
            else:
                known[name] = queue
                queues[name] = queue._asdict()
    except BotoCoreError as error:
        facts.queue_problems.append(error_hints.unreachable(error) or str(error))
        return
    facts.queues = known
    status.values["sqs"] = settings.SQS_ENDPOINT or bus.shared_client().meta.endpoint_url


def _database(status: Status, facts: Facts) -> None:
    status.values |= {"database": None, "movies": None, "users": None, "views": None}
    try:
        with connection.cursor() as cursor:
            status.values["database"] = without_password(settings.DATABASE_URL)
            facts.database_problems += database_requirements.missing(connection)
            cursor.execute(SIZES)
            movies, views = cursor.fetchone()
            status.values |= {"movies": movies, "views": int(views)}
        facts.failing = retries.failing_work()
        facts.outbox_seconds = service_state.outbox(count_at_most=1).lag_seconds
        facts.popularity_seconds = service_state.inventory().popularity_age_seconds
        facts.slowest_seconds = service_state.slowest_ingest_seconds()
        status.values["users"] = stores.current().count()
    except (OperationalError, InterfaceError, StoreUnavailable) as error:
        facts.database_problems.append(error_hints.unreachable(error) or str(error))
    except ProgrammingError:
        facts.database_problems.append(MIGRATE)


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
    status.rows |= _numbered("note", notes)


def _programs(status: Status, facts: Facts, stack: dict[str, Any] | None) -> None:
    """Worker and beat listen on no port: the stack knows the pids of its own, and both have heartbeats."""
    if stack:
        for name in ("worker", "beat"):
            if stack.get("deaths", {}).get(name, {}).get("state", "running") != "running":
                return  # reported as dead
            pid = stack["programs"].get(name)
            if not pid or not stack_addresses.is_running(pid):
                log = settings.VAR_DIR / "log" / f"{name}.log"
                facts.background_problems.append(f"The {name} does not run; its log: {log}")
                return
            if stack_addresses.uptime(pid) < heartbeats.STALE_SECONDS:
                return  # its first heartbeat may still be due
    try:
        ages = service_state.heartbeat_ages()
        facts.background_problems += schedule.overdue(schedule.pending())
    except (OperationalError, InterfaceError, ProgrammingError):
        return  # reported with the database
    known = [f"{name} {age:.0f} s ago" for name, age in ages.items() if age is not None]
    if known:
        status.rows["heartbeats"] = ", ".join(known)
    facts.heartbeat_ages = ages


def without_password(url: str) -> str:
    """The URL with its password masked, for terminals and logs."""
    parts = urlsplit(url)
    return url if not parts.password else url.replace(f":{parts.password}@", ":***@", 1)
