"""Staff of each role, logged in."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings: Settings) -> None:
    settings.WHITENOISE_AUTOREFRESH = True  # no folder of collected files, and no warning that there is none
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def roles(db: None) -> None:
    """The groups of the migration, which a test that empties the tables takes away."""
    import_module("tetraflix.migrations.0003_roles").make_roles(apps, None)


def _staff(name: str, *groups: str, superuser: bool = False) -> Client:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, is_superuser=superuser)
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def editor(roles: None) -> Client:
    return _staff("edith", "editor")


@pytest.fixture
def viewer(roles: None) -> Client:
    return _staff("vic", "viewer")


@pytest.fixture
def boss(db: None) -> Client:
    return _staff("boss", superuser=True)
