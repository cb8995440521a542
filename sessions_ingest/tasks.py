"""Celery tasks of ingestion: deletes what is old."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from recommendations.experiments import starts
from sessions_ingest.models import IngestMinute

KEPT_DAYS = 30  # of ingest metrics by minute: as far back as the dashboard shows


@shared_task(name="sessions_ingest.tasks.clean_up")
def clean_up() -> int:
    """Deletes metrics older than KEPT_DAYS, and starts from before the kept views. Returns how many rows."""
    old = IngestMinute.objects.filter(minute__lt=timezone.now() - timedelta(days=KEPT_DAYS))
    return old.delete()[0] + starts.delete_old()
