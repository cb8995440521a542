"""The work of this app that runs in the Celery worker; each task is thin, and safe to run twice."""

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

# Well under the visibility timeout of Celery's queue (600 s), after which a task is given out again.
LONGEST_PUBLISH_SECONDS = 240
PORTION = 10_000  # change records removed at once
DAY_SECONDS = 24 * 3600


class PartitionsWait(Exception):
    """Months of views that could not be made or dropped, because their tables were in use."""


@shared_task
def publish_changes() -> int:
    """What waited in the outbox is on the bus. Woken after each change; a sweep sends what a wake missed.

    Popularity lists follow too while the inventory is smaller than one, or when most of one was hidden or deleted.
    """
    popularity.refresh_if_short()
    with retries.retried("change feed", publisher.BusUnavailable, first=2, longest=30) as due:
        if due:
            return publisher.publish(seconds=LONGEST_PUBLISH_SECONDS)
    return 0


@shared_task
def refresh_popularity() -> int:
    """The popularity lists are as of now; returns how many."""
    return popularity.refresh().lists


@shared_task
def make_partitions() -> list[str]:
    """The months of views are there, the too old ones are gone; returns what was made or dropped."""
    with retries.retried("months of views", PartitionsWait, first=1800, longest=DAY_SECONDS) as due:
        if due:
            tended = partitions.tend()
            if tended.postponed:
                raise PartitionsWait(f"no lock soon enough for {', '.join(tended.postponed)}")
            return tended.made + tended.dropped
    return []


@shared_task
def clean_up() -> int:
    """Change records older than CHANGES_KEPT_DAYS, which the bus has had, are gone; returns how many."""
    oldest = timezone.now() - timedelta(days=settings.CHANGES_KEPT_DAYS)
    removed = 0
    while count := _remove_changes(oldest):
        removed += count
    return removed


def _remove_changes(oldest: datetime) -> int:
    """In portions, so that no transaction lasts. The latest stays: it is the inventory's version."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM movies_moviechange WHERE id IN (
                SELECT id FROM movies_moviechange
                WHERE at < %s AND sent_at IS NOT NULL AND id < (SELECT version FROM movies_inventory)
                ORDER BY at LIMIT %s)
            """,
            [oldest, PORTION],
        )
        return cursor.rowcount


@shared_task
def run_jobs() -> int:
    """Bulk jobs that nobody works on are done. Woken by each new one; beat finds those of a killed worker."""
    return jobs.run_waiting()


@shared_task
def clean_up_jobs() -> int:
    """Old jobs, and imports that nobody confirmed, are gone; returns how many."""
    return jobs.clean_up()
