"""Searches movies by title, with the engine that the settings name: PostgreSQL or Elasticsearch."""

from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from movies.search import postgres_search
from movies.search.filters import VISIBLE, Filters
from movies.search.spelling import MAX_RESULTS

__all__ = ["MAX_RESULTS", "search"]


def search(q: str, filters: Filters = VISIBLE, *, limit: int, offset: int = 0) -> list[int]:
    """Ids of at most MAX_RESULTS movies, best match first, and among equal matches the most viewed first."""
    find = postgres_search.find if filters.only_in_the_database else _engine(settings.SEARCH_FUNCTION)
    return find(q, filters, limit=limit, offset=offset)


@cache
def _engine(path: str) -> Callable[..., list[int]]:
    """The function `find` of postgres_search or elastic.search."""
    return import_string(path)
