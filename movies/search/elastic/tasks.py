"""Celery tasks that keep the search index up to date; each is safe to run twice."""

from celery import shared_task

from movies.foundation.retries import retried
from movies.search.elastic import indexing

FIRST_PAUSE, MAX_PAUSE = 5, 300  # seconds between tries, long because a rebuild sends the whole inventory


@shared_task(name="movies.elastic.tasks.index_changes")
def index_changes() -> int:
    """Sends every change to the search index; failed runs are retried with growing pauses."""
    with retried("search index", *indexing.REBUILD_ERRORS, first=FIRST_PAUSE, longest=MAX_PAUSE) as due:
        if due:
            return indexing.catch_up().movies
    return 0


@shared_task(name="movies.elastic.tasks.rebuild_search")
def rebuild_search() -> int:
    """Rebuilds the search index daily, because changes do not carry view counts."""
    with retried("daily search index", *indexing.REBUILD_ERRORS, first=FIRST_PAUSE, longest=MAX_PAUSE) as due:
        if due and indexing.is_old():
            return indexing.rebuild().movies
    return 0
