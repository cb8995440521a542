"""Callers of every kind."""

import pytest
from pytest_django import Settings

from tests.api.calling import Caller


@pytest.fixture
def static_files(settings: Settings) -> None:
    """Pages name their scripts and styles as they are: nothing is collected for tests."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def distributor(db: None) -> Caller:
    return Caller("distributor")


@pytest.fixture
def service(db: None) -> Caller:
    return Caller("service")


@pytest.fixture
def anybody(db: None) -> Caller:
    return Caller()
