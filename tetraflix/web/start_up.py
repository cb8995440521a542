"""What a web process does once, after django.setup() and before its first request, under any server."""

import gc
import logging
import sys

from django.conf import settings
from django.db import DatabaseError, connection

from movies.catalog.movie_cache import movie_cache
from recommendations.experiments import read_recorder
from sessions_ingest.message_log import over_http
from tetraflix.observability.metrics import count_list_reads
from tetraflix.web import database_waits, statement_timeouts

logger = logging.getLogger(__name__)

# How long a busy thread keeps the interpreter from the event loop. Python's 5 ms would be several times a read.
LOOP_SWITCH_SECONDS = 0.0005


def prepare(*, event_loop: bool = False) -> None:
    """Loads the catalog, then bounds what a request may wait for. `event_loop`: the calling thread runs one.

    Without a database the process starts with an empty catalog, which fills on demand.
    """
    database_waits.start()
    try:
        movie_cache.load()
    except DatabaseError as error:
        logger.warning("Starting with an empty catalog: %s", str(error).strip())
    finally:
        connection.close()  # it has no time-outs, which are set after the catalog's one long statement
    statement_timeouts.start()
    if settings.EXPOSURES_KEPT_DAYS:
        read_recorder.start(count_list_reads)
    over_http.start()
    if event_loop:
        database_waits.free_this_thread()  # after the catalog, whose load waits longer
        sys.setswitchinterval(LOOP_SWITCH_SECONDS)
    # Excludes everything loaded so far from garbage collection, which saves time, and memory after a fork.
    gc.collect()
    gc.freeze()
