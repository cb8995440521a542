"""Clients that are logged in as staff, one for each role."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings


@pytest.fixture
def plain_static_files(settings: Settings) -> None:
    """Serves static files from the source, without the folder of collected ones or a warning about it."""
    settings.WHITENOISE_AUTOREFRESH = True
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def roles(db: None) -> None:
    """Restores the groups of the migrations, which tests that empty the tables delete."""
    for migration in ("0003_roles", "0006_experiment_roles"):
        import_module(f"tetraflix.migrations.{migration}").make_roles(apps, None)


def logged_in(name: str, *groups: str, superuser: bool = False) -> Client:
    """A new member of staff in these groups, without a password, because hashing one is slower than most tests."""
    user = User.objects.create_user(name, is_staff=True, is_superuser=superuser)
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def editor(roles: None, plain_static_files: None) -> Client:
    return logged_in("edith", "editor")


@pytest.fixture
def analyst(roles: None, plain_static_files: None) -> Client:
    return logged_in("ana", "analyst")


@pytest.fixture
def viewer(roles: None, plain_static_files: None) -> Client:
    return logged_in("vic", "viewer")


@pytest.fixture
def boss(db: None, plain_static_files: None) -> Client:
    return logged_in("boss", superuser=True)
