"""The app that records the activity of clients and sister services."""

from django.apps import AppConfig

from movies.foundation.events import activity_subscribers
from tetraflix.analytics.recording import recorder


class AnalyticsConfig(AppConfig):
    name = "tetraflix.analytics"

    def ready(self) -> None:
        """Subscribes the recorder to activity."""
        activity_subscribers.append(recorder.record)
