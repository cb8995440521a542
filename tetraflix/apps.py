"""The app of everything about running the service, and which site the admin is."""

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as admin_apps

from movies.foundation.events import consumer_started, inventory_changed, job_queued, queue_polled
from tetraflix import celery, checks  # noqa: F401 - importing checks registers them
from tetraflix.background import heartbeats, schedule
from tetraflix.background.task_waker import job_waker, waker
from tetraflix.observability import error_reports, request_ids, task_metrics

# named here, so that shared tasks are sent through it from every process
celery_app = celery.app


class TetraflixConfig(AppConfig):
    name = "tetraflix"

    def ready(self) -> None:
        """What the apps announce is heard."""
        request_ids.follow_into_tasks()
        task_metrics.watch()
        schedule.watch()
        consumer_started.connect(heartbeats.pulse.start, dispatch_uid="heartbeats")
        queue_polled.connect(heartbeats.polled, dispatch_uid="heartbeats")
        inventory_changed.connect(waker.wake, dispatch_uid="wake the change feed")
        job_queued.connect(job_waker.wake, dispatch_uid="wake the worker for a job")
        if settings.SENTRY_DSN:
            error_reports.start(settings.SENTRY_DSN)


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin app with our site; settings name it."""

    default = False  # of "tetraflix", that is
    default_site = "tetraflix.backoffice.admin_site.Site"
