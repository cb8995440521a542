"""The app that ingests messages from the bus."""

from django.apps import AppConfig


class SessionsIngestConfig(AppConfig):
    name = "sessions_ingest"
    verbose_name = "Ingest"
