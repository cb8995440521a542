"""The id of a request: in its answer, in every log line, change record and task that come of it."""

import random
import re
from typing import Any

from celery import Task, signals
from structlog.contextvars import bind_contextvars, get_contextvars, unbind_contextvars

HEADER = "X-Request-Id"
_acceptable = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII).fullmatch


def accepted(given: str | None) -> str:
    """The caller's id, when it is fit to be logged; else a new one."""
    return given if given and _acceptable(given) else f"{random.getrandbits(64):016x}"


def current() -> str:
    """The id of what this thread works for; "" when that is nobody's request."""
    return str(get_contextvars().get("request_id", ""))


def follow_into_tasks() -> None:
    """From now on a task carries the id of the request that sent it (Celery's signals, in both processes)."""
    signals.before_task_publish.connect(_send, dispatch_uid="request id")
    signals.task_prerun.connect(_begin, dispatch_uid="request id")
    signals.task_postrun.connect(_end, dispatch_uid="request id")


def _send(headers: dict[str, Any], **signal: Any) -> None:
    if request_id := current():
        headers["request_id"] = request_id


def _begin(task: Task, task_id: str, **signal: Any) -> None:
    # Beat's tasks are nobody's request: their own id serves.
    bind_contextvars(request_id=getattr(task.request, "request_id", None) or task_id, task=task.name)


def _end(**signal: Any) -> None:
    unbind_contextvars("request_id", "task")
