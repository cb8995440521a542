"""The pytest plugin that starts the servers before Django's settings are imported."""

from collections.abc import Generator

import pytest

from tests.servers.session import Servers

servers_key = pytest.StashKey[Servers]()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    # A wrapper, because pytest-django imports the settings in this same hook.
    servers = Servers()
    early_config.stash[servers_key] = servers
    early_config.add_cleanup(servers.stop)
    servers.start()
    return (yield)
