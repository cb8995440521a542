"""The Django app of search in Elasticsearch."""

from django.apps import AppConfig


class ElasticConfig(AppConfig):
    name = "movies.search.elastic"
    label = "movies_elastic"
