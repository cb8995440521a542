"""Celery tasks about activity; each is safe to run twice."""

import logging

from celery import shared_task
from django.utils import timezone

from movies.search.elastic.connection import ELASTICSEARCH_UNAVAILABLE
from tetraflix.analytics.indices import drop_old

logger = logging.getLogger(__name__)


@shared_task
def drop_old_activity() -> int:
    """Deletes expired indices of activity; left to the next run while Elasticsearch is unavailable."""
    try:
        dropped = drop_old(timezone.now().date())
    except ELASTICSEARCH_UNAVAILABLE as error:
        logger.warning("old activity is not deleted, because Elasticsearch is unavailable: %s", error)
        return 0
    if dropped:
        logger.info("activity deleted: %s", ", ".join(dropped))
    return len(dropped)
