"""Background work about ingestion."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from sessions_ingest.models import IngestMinute

KEPT_DAYS = 30  # of the roll-up by minute: as far back as the dashboard looks


@shared_task(name="sessions_ingest.tasks.clean_up")
def clean_up() -> int:
    """Minutes older than KEPT_DAYS are gone. Returns how many rows went."""
    return IngestMinute.objects.filter(minute__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()[0]
