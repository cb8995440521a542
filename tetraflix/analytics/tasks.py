"""The work of this app that runs in the Celery worker; each task is thin, and safe to run twice."""

import logging

from celery import shared_task
from django.utils import timezone

from movies.search.elastic.connection import ELASTICSEARCH_UNAVAILABLE
from tetraflix.analytics.indices import drop_old

logger = logging.getLogger(__name__)


@shared_task
def drop_old_activity() -> int:
    """Days of activity that are not kept any more are gone; left to the next run while the server is away."""
    try:
        dropped = drop_old(timezone.now().date())
    except ELASTICSEARCH_UNAVAILABLE as error:
        logger.warning("old activity stays for now: %s", error)
        return 0
    if dropped:
        logger.info("activity dropped: %s", ", ".join(dropped))
    return len(dropped)
