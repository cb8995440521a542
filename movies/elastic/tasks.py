"""The work of this app that runs in the Celery worker; each task is thin, and safe to run twice."""

import logging

from celery import shared_task

from movies.elastic import indexing
from movies.elastic.connection import AWAY

logger = logging.getLogger(__name__)


@shared_task
def index_changes() -> int:
    """The search index has every change; while Elasticsearch is away the next run takes them along."""
    try:
        return indexing.keep_up().movies
    except (*AWAY, indexing.IndexIncompleteError) as error:
        logger.warning("the search index waits: %s", error)
        return 0


@shared_task
def rebuild_search() -> int:
    """The search index is new: its view counts, which changes do not carry, are of today."""
    try:
        return indexing.rebuild().movies
    except (*AWAY, indexing.IndexIncompleteError) as error:
        logger.warning("the search index was not rebuilt: %s", error)
        return 0
