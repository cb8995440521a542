"""Callers of every kind."""

import pytest

from tests.api.calling import Caller


@pytest.fixture
def distributor(db: None) -> Caller:
    return Caller("distributor")


@pytest.fixture
def service(db: None) -> Caller:
    return Caller("service")


@pytest.fixture
def anybody(db: None) -> Caller:
    return Caller()
