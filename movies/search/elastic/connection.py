"""The process's connections to Elasticsearch, and what counts as its being away."""

import functools
import os

from django.conf import settings
from elasticsearch import ApiError, Elasticsearch, TransportError

QUERY_SECONDS = 0.5  # a client waits for it; usual is 5 ms
BULK_SECONDS = 30.0  # nobody waits for it

# Refusals like 429 and 503 are answers, but the same to whoever needs the server now.
AWAY = (TransportError, ApiError)


def client(seconds: float = BULK_SECONDS) -> Elasticsearch:
    """A client whose requests give up after `seconds`; none is repeated: callers know better what to do."""
    return _client(settings.ELASTICSEARCH_URL, seconds)


@functools.lru_cache(maxsize=8)  # tests change the address; a service has one
def _client(url: str, seconds: float) -> Elasticsearch:
    return Elasticsearch(url.split(","), request_timeout=seconds, max_retries=0, retry_on_timeout=False)


os.register_at_fork(after_in_child=_client.cache_clear)
