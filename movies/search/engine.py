"""Search for movies by what their titles say: the one question, whichever engine answers it."""

from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from movies.search.spelling import MOST_RESULTS

__all__ = ["MOST_RESULTS", "search"]


def search(
    q: str, *, genre: str | None = None, hidden: bool | None = False, limit: int, offset: int = 0
) -> list[int]:
    """Ids of movies, best match first, more views first among equal ones; none beyond MOST_RESULTS.

    `genre`: only movies with something of it. `hidden`: only such, or None for all.
    """
    return _engine(settings.SEARCH_FUNCTION)(q, genre=genre, hidden=hidden, limit=limit, offset=offset)


@cache
def _engine(path: str) -> Callable[..., list[int]]:
    """postgres_search.find, or a function like it."""
    return import_string(path)
