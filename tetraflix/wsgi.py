"""The WSGI entry point of web processes, for servers that have no RSGI: `make run` uses tetraflix/web/rsgi.py."""

import os

from django.core.wsgi import get_wsgi_application

from tetraflix.web.wsgi_response import buffered

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tetraflix.settings")
application = buffered(get_wsgi_application())

# After django.setup(), which get_wsgi_application calls: models cannot be imported before.
from tetraflix.web import start_up  # noqa: E402

start_up.prepare()
