"""The app of inventory, profiles, views, popularity, search and the change feed."""

from django.apps import AppConfig


class MoviesConfig(AppConfig):
    name = "movies"
