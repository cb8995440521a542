"""Staff of each role, logged in."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings


@pytest.fixture
def plain_static_files(settings: Settings) -> None:
    """Files of pages as they are in the source: no folder of collected ones, and no warning that there is none."""
    settings.WHITENOISE_AUTOREFRESH = True
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def roles(db: None) -> None:
    """The groups of the migration, which a test that empties the tables takes away."""
    import_module("tetraflix.migrations.0003_roles").make_roles(apps, None)


def logged_in(name: str, *groups: str, superuser: bool = False) -> Client:
    """A new member of staff in these groups. Has no password: hashing one takes longer than most tests."""
    user = User.objects.create_user(name, is_staff=True, is_superuser=superuser)
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def editor(roles: None, plain_static_files: None) -> Client:
    return logged_in("edith", "editor")


@pytest.fixture
def viewer(roles: None, plain_static_files: None) -> Client:
    return logged_in("vic", "viewer")


@pytest.fixture
def boss(db: None, plain_static_files: None) -> Client:
    return logged_in("boss", superuser=True)
