"""Connections to Elasticsearch, and the errors that mean it is unavailable."""

import functools
import os

from django.conf import settings
from elasticsearch import ApiError, Elasticsearch, TransportError

QUERY_SECONDS = 0.5  # a client waits; the usual time is 5 ms
BULK_SECONDS = 30.0  # in background tasks

# An answer like 429 or 503 means the same to the caller as no answer.
ELASTICSEARCH_UNAVAILABLE = (TransportError, ApiError)


def client(seconds: float = BULK_SECONDS) -> Elasticsearch:
    """A client whose requests time out after `seconds` and are not retried, because callers handle errors."""
    return _client(settings.ELASTICSEARCH_URL, seconds)


@functools.lru_cache(maxsize=8)  # tests change the address; a process in production has one
def _client(url: str, seconds: float) -> Elasticsearch:
    return Elasticsearch(url.split(","), request_timeout=seconds, max_retries=0, retry_on_timeout=False)


os.register_at_fork(after_in_child=_client.cache_clear)
