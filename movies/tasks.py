"""The Celery tasks of this app. Each is thin, and safe to run twice."""

import logging
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.db import connection
from django.utils import timezone

from movies.bulk import jobs
from movies.foundation import retries
from movies.outbox import publisher
from movies.viewing import partitions, popularity

logger = logging.getLogger(__name__)

# Well under the visibility timeout of Celery's queue (600 s), after which SQS redelivers a task.
MAX_PUBLISH_SECONDS = 240
DELETE_BATCH_SIZE = 10_000  # change records deleted in one transaction


@shared_task
def publish_changes() -> int:
    """Publishes the outbox; returns how many changes were sent. Runs after each change, and by schedule.

    First refreshes the popularity lists if one of them is too short.
    """
    popularity.refresh_if_short()
    with retries.retried("change feed", publisher.BusUnavailable, first=2, longest=30) as due:
        if due:
            return publisher.publish(seconds=MAX_PUBLISH_SECONDS)
    return 0


@shared_task
def refresh_popularity() -> int:
    """Refreshes the popularity lists; returns how many there are."""
    return popularity.refresh().lists


@shared_task
def make_partitions() -> list[str]:
    """Creates and drops monthly partitions of views; returns their names."""
    return partitions.VIEWS.maintain_when_due()


@shared_task
def clean_up() -> int:
    """Deletes published change records older than CHANGES_KEPT_DAYS; returns how many."""
    oldest = timezone.now() - timedelta(days=settings.CHANGES_KEPT_DAYS)
    removed = 0
    while count := _delete_changes(oldest):
        removed += count
    while _delete_entries(oldest):
        pass
    return removed


def _delete_changes(oldest: datetime) -> int:
    """Deletes one batch. Keeps the latest record, because its id is the inventory's version."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM movies_moviechange WHERE id IN (
                SELECT id FROM movies_moviechange
                WHERE at < %s AND sent_at IS NOT NULL AND id < (SELECT version FROM movies_inventory)
                ORDER BY at LIMIT %s)
            """,
            [oldest, DELETE_BATCH_SIZE],
        )
        return cursor.rowcount


def _delete_entries(oldest: datetime) -> int:
    """Deletes lines of the history whose first change is not on record any more, DELETE_BATCH_SIZE at most."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM movies_historyentry WHERE id IN (
                SELECT id FROM movies_historyentry AS entry
                WHERE at < %s AND NOT EXISTS (SELECT FROM movies_moviechange AS change WHERE change.id = entry.id)
                ORDER BY at LIMIT %s)
            """,
            [oldest, DELETE_BATCH_SIZE],
        )
        return cursor.rowcount


@shared_task
def run_jobs() -> int:
    """Runs the bulk jobs that are due; returns how many. Runs after each new job, and by schedule."""
    return jobs.run_waiting()


@shared_task
def clean_up_jobs() -> int:
    """Deletes old jobs and imports that were never confirmed; returns how many."""
    return jobs.clean_up()
