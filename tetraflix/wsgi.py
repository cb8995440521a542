"""The WSGI entry point: granian's `tetraflix.wsgi:application`."""

import gc
import logging
import os

from django.core.wsgi import get_wsgi_application

from tetraflix.web.wsgi_response import buffered

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tetraflix.settings")
application = buffered(get_wsgi_application())

# After django.setup(), which get_wsgi_application calls: models cannot be imported before.
from django.db import DatabaseError, connection  # noqa: E402

from movies.catalog.movie_cache import catalog  # noqa: E402
from tetraflix.web import statement_timeouts  # noqa: E402

try:
    catalog.load()
except DatabaseError as error:  # it fills with what is asked for, once the database is there
    logging.getLogger(__name__).warning("Starting with an empty catalog: %s", str(error).strip())
finally:
    connection.close()  # this thread's own; requests run in another

statement_timeouts.start()  # after the catalog, which is one long statement

# What is loaded stays: never looked at again by the collector, nor copied by its marks when a process forks.
gc.collect()
gc.freeze()
