"""The app of inventory, profiles, views, popularity, search and the outbox."""

from django.apps import AppConfig


class MoviesConfig(AppConfig):
    name = "movies"
