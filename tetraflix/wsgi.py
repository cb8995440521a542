"""The WSGI entry point of web processes: loads the catalog and sets the database time-outs."""

import gc
import logging
import os

from django.core.wsgi import get_wsgi_application

from tetraflix.web.wsgi_response import buffered

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tetraflix.settings")
application = buffered(get_wsgi_application())

# After django.setup(), which get_wsgi_application calls: models cannot be imported before.
from django.db import DatabaseError, connection  # noqa: E402

from movies.catalog.movie_cache import movie_cache  # noqa: E402
from tetraflix.web import statement_timeouts  # noqa: E402

try:
    movie_cache.load()
except DatabaseError as error:  # it fills on demand, once the database is available
    logging.getLogger(__name__).warning("Starting with an empty catalog: %s", str(error).strip())
finally:
    connection.close()  # that of this thread; requests run in another one

statement_timeouts.start()  # after the catalog, which is loaded by one long statement

# Excludes everything loaded so far from garbage collection, which saves time, and memory after a fork.
gc.collect()
gc.freeze()
