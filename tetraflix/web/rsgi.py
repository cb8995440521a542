"""The RSGI entry point of web processes, for granian: `--interface rsgi tetraflix.web.rsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tetraflix.settings")
_handler = get_wsgi_application()

# After django.setup(), which get_wsgi_application calls: models cannot be imported before.
from tetraflix.web import start_up  # noqa: E402
from tetraflix.web.rsgi_application import Application  # noqa: E402

application = Application(_handler)
start_up.prepare(event_loop=True)  # granian runs the loop in the thread that imports this
