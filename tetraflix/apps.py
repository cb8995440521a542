"""The app of everything about running the service, and which site the admin is."""

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as admin_apps

from movies.signals import inventory_changed, job_waits
from tetraflix import (
    celery,
    checks,  # noqa: F401 - to import it is to register the system checks
    error_reports,
    request_ids,
    task_times,
)
from tetraflix.feed_wake import job_waker, waker

# named here, so that shared tasks are sent through it from every process
celery_app = celery.app


class TetraflixConfig(AppConfig):
    name = "tetraflix"

    def ready(self) -> None:
        """What the apps announce is heard."""
        request_ids.follow_into_tasks()
        task_times.watch()
        inventory_changed.connect(waker.wake, dispatch_uid="wake the change feed")
        job_waits.connect(job_waker.wake, dispatch_uid="wake the worker for a job")
        if settings.SENTRY_DSN:
            error_reports.start(settings.SENTRY_DSN)


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin app with our site; settings name it."""

    default = False  # of "tetraflix", that is
    default_site = "tetraflix.admin_site.Site"
