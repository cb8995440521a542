"""The app of what arrives from the bus."""

from django.apps import AppConfig


class SessionsIngestConfig(AppConfig):
    name = "sessions_ingest"
    verbose_name = "Ingest"
