"""The schedule of background tasks: which are due, by the database's clock, the only one that every host shares."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from celery import Task, signals, states
from django.db import DatabaseError, InterfaceError, connection

logger = logging.getLogger(__name__)

# A task that was sent and not done is sent again after this: its message may have been lost, or its worker killed.
# Until then it is not, so that no pile grows while no worker takes them. Longer than most tasks take.
AGAIN_SECONDS = 60
LATE_SECONDS = 600  # sent so long ago and not done: something is wrong with the worker

DUE = """
    abs(extract(epoch FROM now() - {row}.sent_at))
    >= CASE WHEN {row}.waiting_since IS NULL THEN entry.seconds ELSE greatest(entry.seconds, %(again)s) END
"""
TAKE = f"""
WITH entry AS (SELECT * FROM unnest(%(names)s::text[], %(seconds)s::float8[]) AS entry (name, seconds))
INSERT INTO tetraflix_scheduledtask AS task (name, sent_at, waiting_since)
SELECT entry.name, now(), now() FROM entry LEFT JOIN tetraflix_scheduledtask AS known USING (name)
WHERE known.name IS NULL OR {DUE.format(row="known")}
ORDER BY entry.name
-- Asked again of the row as it is now: another beat may have been faster.
ON CONFLICT (name) DO UPDATE
SET sent_at = excluded.sent_at, waiting_since = coalesce(task.waiting_since, excluded.waiting_since)
WHERE EXISTS (SELECT FROM entry WHERE entry.name = task.name AND {DUE.format(row="task")})
RETURNING task.name
"""  # noqa: S608 -- made of constants


def take_due(seconds: Mapping[str, float]) -> list[str]:
    """The tasks (with how often each is due) that are to be sent now; they count as sent.

    However many ask at once, each task is given to one of them. A clock that was set back makes it due, too.
    """
    with connection.cursor() as cursor:
        entries: dict[str, Any] = {
            "names": list(seconds),
            "seconds": list(seconds.values()),
            "again": AGAIN_SECONDS,
        }
        cursor.execute(TAKE, entries)
        return [name for (name,) in cursor.fetchall()]


def put_back(names: Sequence[str]) -> None:
    """They could not be sent: they are due again at once."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tetraflix_scheduledtask WHERE name = ANY(%s)", [list(names)])


def done(name: str) -> None:
    """It ran to its end, whoever sent it. Nothing is known of tasks that are not on the schedule."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tetraflix_scheduledtask SET waiting_since = NULL WHERE name = %s AND waiting_since IS NOT NULL",
            [name],
        )


def begin_anew() -> None:
    """What was sent before beat started is not waited for: the stack may have been down for a week."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tetraflix_scheduledtask SET waiting_since = NULL")


def waiting() -> dict[str, float]:
    """For each task that was sent and is not done, since how many seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, extract(epoch FROM now() - waiting_since)::float8 FROM tetraflix_scheduledtask"
            " WHERE waiting_since IS NOT NULL ORDER BY name"
        )
        return dict(cursor.fetchall())


def late() -> list[str]:
    """A sentence for each task that should have been done long ago."""
    return [
        f"{name} was sent {seconds:,.0f} s ago and is not done: see the worker's log."
        for name, seconds in waiting().items()
        if seconds > LATE_SECONDS
    ]


def watch() -> None:
    """From now on every task that ends well in this process counts as done."""
    signals.task_postrun.connect(_ended, dispatch_uid="schedule")


def _ended(task: Task, state: str | None, **signal: Any) -> None:
    if state != states.SUCCESS:
        return  # it is sent again, and late if that goes on
    try:
        done(task.name)
    except (DatabaseError, InterfaceError) as error:  # it will run once more
        logger.warning("%s is not noted as done: %s", task.name, str(error).strip())
        connection.close()
