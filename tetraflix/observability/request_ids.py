"""Gives each request an id, which its response, log lines, change records and tasks carry."""

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


# structlog's own variable, whose value is in every log line; to bind it through structlog is far slower.
request_id_variable = _variable()


class _Ids:
    """New ids: a random prefix of the process, and a number."""

    prefix: str
    next: Callable[[], int]

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self.prefix, self.next = f"{os.urandom(6).hex()}-", itertools.count(1).__next__


_ids = _Ids()


def accept_or_create(given: str | None) -> str:
    """The caller's id when it is safe to log; else a new one."""
    return given if given and _acceptable(given) else f"{_ids.prefix}{_ids.next()}"


def current() -> str:
    """The id of the request that this thread handles; "" outside of requests and tasks."""
    return str(get_contextvars().get("request_id", ""))


def propagate_to_tasks() -> None:
    """From now on a task carries the id of the request that sent it, in the sender and in the worker."""
    signals.before_task_publish.connect(_send, dispatch_uid="request id")
    signals.task_prerun.connect(_begin, dispatch_uid="request id")
    signals.task_postrun.connect(_end, dispatch_uid="request id")


def _send(headers: dict[str, Any], **signal: Any) -> None:
    if request_id := current():
        headers["request_id"] = request_id


def _begin(task: Task, task_id: str, **signal: Any) -> None:
    # A task that beat sent belongs to no request, so its own id is used.
    bind_contextvars(request_id=getattr(task.request, "request_id", None) or task_id, task=task.name)


def _end(**signal: Any) -> None:
    unbind_contextvars("request_id", "task")
