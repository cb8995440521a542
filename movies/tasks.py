"""The work of this app that runs in the Celery worker; each task is thin, and safe to run twice."""

import logging

from celery import shared_task

from movies import feed

logger = logging.getLogger(__name__)

# Well under the visibility timeout of Celery's queue (600 s), after which a task is given out again.
LONGEST_PUBLISH_SECONDS = 240


@shared_task
def publish_changes() -> int:
    """What waited in the outbox is on the bus. Woken after each change; a sweep sends what a wake missed."""
    try:
        return feed.publish(seconds=LONGEST_PUBLISH_SECONDS)
    except feed.BusAway as error:
        logger.warning("changes of inventory wait: %s", error)
        return 0
