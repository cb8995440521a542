"""Measures how long Celery tasks run and how they end, for /metrics."""

import time
from typing import Any

from celery import Task, signals

from tetraflix.observability.metrics import task_seconds

STARTED = "tetraflix_started"  # our own attribute of the task's request


def connect_signals() -> None:
    """From now on every task that ends in this process is observed."""
    signals.task_prerun.connect(_begin, dispatch_uid="task times")
    signals.task_postrun.connect(_end, dispatch_uid="task times")


def _begin(task: Task, **signal: Any) -> None:
    setattr(task.request, STARTED, time.perf_counter())


def _end(task: Task, state: str | None, **signal: Any) -> None:
    started = getattr(task.request, STARTED, None)
    if started is not None:
        task_seconds.labels(task.name, state or "unknown").observe(time.perf_counter() - started)
