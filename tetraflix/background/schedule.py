"""Decides which scheduled tasks are due, by the database's clock, because it is the only one all hosts share."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from celery import Task, signals, states
from django.db import DatabaseError, InterfaceError, connection

logger = logging.getLogger(__name__)

# A task that is not done so long after it was sent is sent again, because its message may be lost or its worker
# killed. It is not sent sooner, so that no backlog grows while no worker runs. Longer than most tasks take.
RESEND_SECONDS = 60
OVERDUE_SECONDS = 600  # a task that is not done so long after it was sent means trouble with the worker

DUE = """
    abs(extract(epoch FROM now() - {row}.sent_at))
    >= CASE WHEN {row}.waiting_since IS NULL THEN entry.seconds ELSE greatest(entry.seconds, %(resend)s) END
"""
TAKE = f"""
WITH entry AS (SELECT * FROM unnest(%(names)s::text[], %(seconds)s::float8[]) AS entry (name, seconds))
INSERT INTO tetraflix_scheduledtask AS task (name, sent_at, waiting_since)
SELECT entry.name, now(), now() FROM entry LEFT JOIN tetraflix_scheduledtask AS known USING (name)
WHERE known.name IS NULL OR {DUE.format(row="known")}
ORDER BY entry.name
-- Checked once more on the row as it is now, because another beat may have been faster.
ON CONFLICT (name) DO UPDATE
SET sent_at = excluded.sent_at, waiting_since = coalesce(task.waiting_since, excluded.waiting_since)
WHERE EXISTS (SELECT FROM entry WHERE entry.name = task.name AND {DUE.format(row="task")})
RETURNING task.name
"""  # noqa: S608 -- made of constants

PENDING = """
SELECT name, extract(epoch FROM now() - waiting_since)::float8 AS age FROM tetraflix_scheduledtask
WHERE waiting_since IS NOT NULL ORDER BY name
"""


def claim_due(seconds: Mapping[str, float]) -> list[str]:
    """The tasks, of these with their intervals, that the caller has to send now; they count as sent.

    Of several callers at once, one gets each task. A clock that was set back makes a task due, too.
    """
    with connection.cursor() as cursor:
        entries: dict[str, Any] = {
            "names": list(seconds),
            "seconds": list(seconds.values()),
            "resend": RESEND_SECONDS,
        }
        cursor.execute(TAKE, entries)
        return [name for (name,) in cursor.fetchall()]


def release(names: Sequence[str]) -> None:
    """Undoes the claim on tasks that could not be sent: they are due at once."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tetraflix_scheduledtask WHERE name = ANY(%s)", [list(names)])


def mark_done(name: str) -> None:
    """The task has ended well. Does nothing for a task that is not on the schedule."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tetraflix_scheduledtask SET waiting_since = NULL WHERE name = %s AND waiting_since IS NOT NULL",
            [name],
        )


def clear_pending() -> None:
    """No task counts as pending: what beat sent before it was stopped, perhaps a week ago, may be lost."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tetraflix_scheduledtask SET waiting_since = NULL")


def pending() -> dict[str, float]:
    """The tasks that were sent and are not done, with the seconds since then."""
    with connection.cursor() as cursor:
        cursor.execute(PENDING)
        return dict(cursor.fetchall())


def overdue(waiting: Mapping[str, float]) -> list[str]:
    """A sentence for each of these pending tasks that has waited for more than OVERDUE_SECONDS."""
    return [
        f"{name} was sent {seconds:,.0f} s ago and is not done: see the worker's log."
        for name, seconds in waiting.items()
        if seconds > OVERDUE_SECONDS
    ]


def connect_signals() -> None:
    """From now on every task that ends well in this process is marked done."""
    signals.task_postrun.connect(_on_task_end, dispatch_uid="schedule")


def _on_task_end(task: Task, state: str | None, **signal: Any) -> None:
    if state != states.SUCCESS:
        return  # it is sent again, and overdue if that goes on
    try:
        mark_done(task.name)
    except (DatabaseError, InterfaceError) as error:  # so it will run once more
        logger.warning("%s could not be marked as done: %s", task.name, str(error).strip())
        connection.close()
