"""Where users' lists are stored: PostgreSQL or MongoDB; `current()` is the store that the settings choose."""

import functools
from collections.abc import Callable

from django.conf import settings

from recommendations.stores.base import ListStore
from recommendations.stores.mongo import MongoStore
from recommendations.stores.postgres import PostgresStore


def current() -> ListStore:
    """The store that this process reads and writes."""
    return named("mongo" if settings.MONGODB_URL else "postgres")


def named(name: str) -> ListStore:
    """The store "postgres" or "mongo", for callers that need both. Raises KeyError for another name."""
    return _stores[name]()


@functools.cache
def _postgres() -> ListStore:
    return PostgresStore()


@functools.lru_cache(maxsize=4)  # tests change the address; a service has one
def _mongo(url: str) -> ListStore:
    return MongoStore(url)


_stores: dict[str, Callable[[], ListStore]] = {
    "postgres": _postgres,
    "mongo": lambda: _mongo(settings.MONGODB_URL),
}
