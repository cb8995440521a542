"""What runs, where, and how much it holds: `manage.py status`."""

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
from tetraflix.embedded.ports import http_status

MIGRATE = "The database has no tables yet, or old ones: `manage.py migrate` makes them."
SIZES = """
    SELECT (SELECT count(*) FROM movies_movie),
           (SELECT coalesce(sum(views), 0) FROM movies_viewcount)
"""


@dataclass
class Status:
    """What was found.

    `figures`: for programs; null is what does not run. `rows`: more for people, by name. `down`: a line for each
    thing that should run and does not.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    down: list[str] = field(default_factory=list)


def collect() -> Status:
    """Asks everything that should run. Raises nothing: what does not answer is in `down`."""
    status = Status()
    stack = stack_addresses.read(settings.VAR_DIR)
    _web(status, (stack or {}).get("web") or f"http://127.0.0.1:{settings.PORT}")
    _queues(status)
    _database(status)
    _programs(status, stack)
    return status


def _web(status: Status, url: str) -> None:
    answers = http_status(urlsplit(url).port or 80, "/healthz") == 200
    status.figures["web"] = url if answers else None
    if not answers:
        status.down.append(f"The web server at {url} does not answer: `make run` starts it.")


def _queues(status: Status) -> None:
    figures: dict[str, Any] = {}
    status.figures |= {"sqs": None, "queues": figures}
    for name in bus.queue_names():
        try:
            queue = bus.queue(name)
            figures[name] = {
                "url": queue.url,
                "depth": bus.depth(queue.url),
                "dead_url": queue.dead_url,
                "dead": bus.depth(queue.dead_url),
            }
        except BotoCoreError as error:
            status.down.append(error_hints.in_one_line(error) or str(error))
            return
        except ClientError as error:
            reason = error.response["Error"]
            status.down.append(
                f"Queue {name}: {reason['Code']}. `manage.py ensure_queues` makes what is missing."
            )
    status.figures["sqs"] = settings.SQS_ENDPOINT or bus.shared_client().meta.endpoint_url


def _database(status: Status) -> None:
    status.figures |= {"database": None, "movies": None, "users": None, "views": None}
    try:
        with connection.cursor() as cursor:
            status.figures["database"] = without_password(settings.DATABASE_URL)
            status.down += database_requirements.missing(connection)
            cursor.execute(SIZES)
            movies, views = cursor.fetchone()
            status.figures |= {"movies": movies, "views": int(views)}
        status.down += retries.failing_work()
        status.figures["users"] = stores.current().count()
    except (OperationalError, InterfaceError, StoreUnavailable) as error:
        status.down.append(error_hints.in_one_line(error) or str(error))
    except ProgrammingError:
        status.down.append(MIGRATE)


def _programs(status: Status, stack: dict[str, Any] | None) -> None:
    """Worker and beat listen nowhere: the stack knows its own, and both leave heartbeats."""
    if stack:
        for name in ("worker", "beat"):
            pid = stack["programs"].get(name)
            if not pid or not stack_addresses.runs(pid):
                log = settings.VAR_DIR / "log" / f"{name}.log"
                status.down.append(f"The {name} does not run; its log: {log}")
                return
            if stack_addresses.uptime(pid) < heartbeats.ALIVE_SECONDS:
                return  # it may not be as far yet
    try:
        ages = heartbeats.ages([one.name for one in heartbeats.watched()])
        silent = [*heartbeats.silences(), *schedule.late()]
    except (OperationalError, InterfaceError, ProgrammingError):
        return  # the database's own line says enough
    told = [f"{name} {age:.0f} s ago" for name, age in ages.items() if age is not None]
    if told:
        status.rows["heartbeats"] = ", ".join(told)
    status.down += silent


def without_password(url: str) -> str:
    """The URL as it may stand in a terminal or a log."""
    parts = urlsplit(url)
    return url if not parts.password else url.replace(f":{parts.password}@", ":***@", 1)
