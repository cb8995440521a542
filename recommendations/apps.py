"""The app of what a user sees: the recommendation list and currently watching."""

from django.apps import AppConfig


class RecommendationsConfig(AppConfig):
    name = "recommendations"
