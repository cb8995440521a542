"""The fixtures of all tests."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

from movies.catalog import popular_cache
from movies.catalog.movie_cache import movie_cache
from movies.foundation.events import users_changed
from recommendations.recommender import snapshot
from tests.servers.fixtures import (
    _seeded_folder,
    bus_server,
    database_url,
    open_folder,
    postgres,
    private_postgres,
    private_sqs,
    seeded_postgres,
    sqs,
    sqs_kind,
)
from tests.servers.java.elasticmq import elasticmq, start_elasticmq
from tests.servers.java.elasticsearch import elasticsearch_url, private_elasticsearch
from tests.servers.mongodb import mongodb_server, mongodb_url, private_mongodb
from tests.servers.movielens import movielens
from tests.servers.pgbouncer import pooled_postgres
from tests.servers.queues import queues
from tests.servers.running_stack import stack
from tests.staff import analyst, boss, editor, plain_static_files, roles, viewer
from tetraflix.backoffice import site_data

__all__ = [
    "_seeded_folder",
    "analyst",
    "boss",
    "bus_server",
    "database_url",
    "editor",
    "elasticmq",
    "elasticsearch_url",
    "mongodb_server",
    "mongodb_url",
    "movielens",
    "open_folder",
    "plain_static_files",
    "pooled_postgres",
    "postgres",
    "private_elasticsearch",
    "private_mongodb",
    "private_postgres",
    "private_sqs",
    "queues",
    "roles",
    "seeded_postgres",
    "sqs",
    "sqs_kind",
    "stack",
    "start_elasticmq",
    "viewer",
]

# Without a deadline, because a machine may be busy. CI runs always try the same examples, other runs new ones.
hypothesis.settings.register_profile(
    "suite",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True, scope="session")
def _wake_no_recommender() -> None:
    """Views counted in the process of the tests have no worker, and its thread would outlive the queues."""
    users_changed.disconnect(dispatch_uid="wake the recommender")


@pytest.fixture(autouse=True)
def _empty_caches_between_tests() -> Iterator[None]:
    """A test's transaction is rolled back, so what the process cached inside it is wrong."""
    yield
    movie_cache.clear()
    popular_cache.clear()
    snapshot.clear()
    site_data.movies.clear()
