"""The app of everything about running the service."""

from django.apps import AppConfig


class TetraflixConfig(AppConfig):
    name = "tetraflix"
