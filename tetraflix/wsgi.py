"""The WSGI entry point: granian's `tetraflix.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tetraflix.settings")
application = get_wsgi_application()
