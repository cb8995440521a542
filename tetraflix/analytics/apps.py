"""The app of activity: from its start, what clients and sister services do is recorded."""

from django.apps import AppConfig

from movies.foundation.events import activity_subscribers
from tetraflix.analytics.recording import recorder


class AnalyticsConfig(AppConfig):
    name = "tetraflix.analytics"

    def ready(self) -> None:
        """Activity is heard."""
        activity_subscribers.append(recorder.hear)
