"""The work of this app that runs in the Celery worker; each task is thin, and safe to run twice."""

from celery import shared_task

from movies.foundation import leases
from movies.foundation.retries import retried
from movies.search.elastic import indexing
from movies.search.elastic.connection import AWAY

FIRST_PAUSE, LONGEST_PAUSE = 5, 300  # seconds between tries: a rebuild reads and sends the whole inventory
EXPECTED = (*AWAY, indexing.IndexIncompleteError, indexing.IndexRefusedError, leases.LeaseLost)


@shared_task(name="movies.elastic.tasks.index_changes")
def index_changes() -> int:
    """The search index has every change; a run that fails is tried again, later each time."""
    with retried("search index", *EXPECTED, first=FIRST_PAUSE, longest=LONGEST_PAUSE) as due:
        if due:
            return indexing.keep_up().movies
    return 0


@shared_task(name="movies.elastic.tasks.rebuild_search")
def rebuild_search() -> int:
    """The search index is of the last day: its view counts do not come with changes."""
    with retried("daily search index", *EXPECTED, first=FIRST_PAUSE, longest=LONGEST_PAUSE) as due:
        if due and indexing.is_old():
            return indexing.rebuild().movies
    return 0
