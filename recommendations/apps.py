"""The app of a user's two lists: recommendations and currently watching."""

from django.apps import AppConfig


class RecommendationsConfig(AppConfig):
    name = "recommendations"
