"""Connects the apps' events to what runs the service (heartbeats, wakers, metrics), and names the admin's site."""

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as admin_apps
from django.utils.module_loading import import_string

from movies.foundation.events import (
    consumer_started,
    experiment_changed,
    inventory_changed,
    job_queued,
    queue_polled,
    users_changed,
)
from tetraflix import celery, checks  # noqa: F401 -- importing checks registers them
from tetraflix.background import heartbeats, schedule
from tetraflix.background.task_waker import (
    job_waker,
    old_lists_waker,
    publisher_waker,
    recommender_waker,
    stopped_experiments_waker,
)
from tetraflix.observability import request_ids, task_metrics

# imported here, so that every process sends shared tasks through this application
celery_app = celery.app


class TetraflixConfig(AppConfig):
    name = "tetraflix"

    def ready(self) -> None:
        """Subscribes to the events of the apps and of Celery."""
        request_ids.propagate_to_tasks()
        task_metrics.connect_signals()
        schedule.connect_signals()
        consumer_started.connect(heartbeats.writer.start, dispatch_uid="heartbeats")
        queue_polled.connect(heartbeats.note_poll, dispatch_uid="heartbeats")
        inventory_changed.connect(publisher_waker.wake, dispatch_uid="wake the change feed")
        job_queued.connect(job_waker.wake, dispatch_uid="wake the worker for a job")
        experiment_changed.connect(stopped_experiments_waker.wake, dispatch_uid="count a stopped experiment")
        if settings.RECOMMENDER != "off":
            users_changed.connect(recommender_waker.wake, dispatch_uid="wake the recommender")
            experiment_changed.connect(old_lists_waker.wake, dispatch_uid="wake the recommender for all")
        if settings.SENTRY_DSN:  # else nothing of Sentry is imported
            import_string("tetraflix.observability.error_reports.start")(settings.SENTRY_DSN)


class AdminConfig(admin_apps.SimpleAdminConfig):
    """Django's admin app with our site; listed in INSTALLED_APPS.

    urls.py registers the pages, because importing them is a large part of the start of a command that needs none.
    """

    default = False  # the default app of this package is TetraflixConfig
    default_site = "tetraflix.backoffice.frame.admin_site.Site"
