"""The pytest plugin: starts servers before Django's settings are imported, and runs tests on several SQS servers."""

from collections.abc import Generator

import pytest

from tests.servers.session import Servers

# Folders and files whose tests take longest: they start first, so that no worker is left alone with one at the end.
LONGEST = (
    "tests/tetraflix/embedded/",
    "tests/sessions_ingest/faults/",
    "tests/sessions_ingest/experiment/",
    "tests/sessions_ingest/replay/",
    "tests/regressions/operations/",
    "tests/regressions/jobs/",
    "tests/movies/search/test_elastic_search.py",
    "tests/tetraflix/analytics/",
    "tests/documentation/",
    "tests/api/test_schemathesis.py",
)

servers_key = pytest.StashKey[Servers]()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    # A wrapper, because pytest-django imports the settings in this same hook.
    servers = Servers()
    early_config.stash[servers_key] = servers
    early_config.add_cleanup(servers.stop)
    servers.start()
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "sqs_servers(*kinds): run each test that uses SQS on these, not only on embedded"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("sqs_servers")
    if marker and "sqs_kind" in metafunc.fixturenames:
        metafunc.parametrize("sqs_kind", marker.args, indirect=True)


@pytest.hookimpl(trylast=True)  # after the tests were shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
