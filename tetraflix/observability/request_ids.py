"""The id of a request: in its answer, in every log line, change record and task that come of it."""

import itertools
import os
import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from celery import Task, signals
from structlog.contextvars import bind_contextvars, get_contextvars, reset_contextvars, unbind_contextvars

HEADER = "X-Request-Id"
_acceptable = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII).fullmatch


def _variable() -> ContextVar[str]:
    tokens = bind_contextvars(request_id="")
    reset_contextvars(**tokens)
    return tokens["request_id"].var


# structlog's own: what is set here stands in every log line. Binding it anew costs more than all else here.
request_id_variable = _variable()


class _Ids:
    """The process's own mark, and a number."""

    mark: str
    next: Callable[[], int]

    def __init__(self) -> None:
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self.mark, self.next = f"{os.urandom(6).hex()}-", itertools.count(1).__next__


_ids = _Ids()


def accepted(given: str | None) -> str:
    """The caller's id, when it is fit to be logged; else a new one."""
    return given if given and _acceptable(given) else f"{_ids.mark}{_ids.next()}"


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
