"""System checks name settings that cannot work: one test for each id, with its message."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as configured
from django.core.checks import CheckMessage, registry
from django.db import connections

from tetraflix import checks
from tetraflix.configuration import database_requirements


def found(databases: list[str] | None = None) -> list[CheckMessage]:
    """The messages of the service's own checks, as `manage.py check` runs them."""
    ours = [
        check
        for check in registry.registry.get_checks(include_deployment_checks=False)
        if check.__module__ == checks.__name__
    ]
    assert ours, "no check is registered"
    return [message for check in ours for message in check(app_configs=None, databases=databases)]


def messages(databases: list[str] | None = None) -> list[tuple[str, str]]:
    return [(error.id or "", error.msg) for error in found(databases)]


def test_the_default_settings_pass(db):
    assert messages(["default"]) == []


def test_e001_a_secret_key_that_is_short(settings):
    settings.SECRET_KEY = "x" * 49
    assert messages() == [("tetraflix.E001", "SECRET_KEY has 49 characters; at least 50 are needed.")]


@pytest.mark.parametrize("mark", [0.0, -0.1, 1.01, float("nan")])
def test_e002_a_finished_mark_that_no_movie_or_every_movie_reaches(settings, mark):
    settings.FINISHED_MARK = mark
    assert messages() == [("tetraflix.E002", f"FINISHED_MARK is {mark}; it must be above 0 and at most 1.")]


def test_e002_a_log_sample_above_1(settings):
    settings.REQUEST_LOG_SAMPLE = 2
    assert messages() == [("tetraflix.E002", "REQUEST_LOG_SAMPLE is 2; it must be from 0 to 1.")]


@pytest.mark.parametrize("alpha", [0.0, 1.01, float("nan")])
def test_e002_a_taste_that_forgets_nothing_or_more_than_everything(settings, alpha):
    settings.TASTE_ALPHA = alpha
    assert messages() == [("tetraflix.E002", f"TASTE_ALPHA is {alpha}; it must be above 0 and at most 1.")]


@pytest.mark.parametrize("exponent", [-0.1, 1.01])
def test_e002_an_exponent_that_turns_popularity_around_or_overstates_it(settings, exponent):
    settings.POPULARITY_EXPONENT = exponent
    assert messages() == [("tetraflix.E002", f"POPULARITY_EXPONENT is {exponent}; it must be from 0 to 1.")]


@pytest.mark.parametrize("name", checks.RANGES)
def test_e003_a_number_out_of_range(settings, name):
    low, high, _ = checks.RANGES[name]
    for fits in (low, high):
        setattr(settings, name, fits)
        assert messages() == []
    for bad in (low - 1, high + 1):
        setattr(settings, name, bad)
        assert messages() == [("tetraflix.E003", f"{name} is {bad}.")]


def test_e005_a_database_that_cannot_serve(db, monkeypatch):
    monkeypatch.setattr(database_requirements, "OLDEST_POSTGRES", 99)
    version = connections["default"].pg_version // 10000  # type: ignore[attr-defined]
    needed = f"The database is PostgreSQL {version}; PostgreSQL 99 or newer is needed."
    assert messages(["default"]) == [("tetraflix.E005", needed)]
    assert messages() == []  # databases are not checked


@pytest.mark.parametrize(
    ("setting", "name"),
    [("RECS_QUEUE", "sessionData"), ("CELERY_QUEUE", "userRecs"), ("CHANGES_QUEUE", "sessionData-dead")],
)
def test_e006_two_queues_of_one_name(settings, setting, name):
    settings.SESSION_QUEUE, settings.RECS_QUEUE = "sessionData", "userRecs"
    setattr(settings, setting, name)
    assert ("tetraflix.E006", f"Two queues have the name {name}.") in messages()


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("SESSION_QUEUE", ""),
        ("SESSION_QUEUE", "session data"),
        ("RECS_QUEUE", "x" * 76),
        ("CHANGES_QUEUE", "changes.fifo.fifo"),
        ("CELERY_QUEUE", "celery.fifo"),
    ],
)
def test_e007_a_name_that_sqs_refuses(settings, setting, name):
    setattr(settings, setting, name)
    assert messages() == [("tetraflix.E007", f"{setting} is {name!r}, which is not a valid queue name.")]


def test_a_fifo_queue_is_fine(settings):
    settings.SESSION_QUEUE = "sessionData.fifo"
    assert messages() == []


@pytest.mark.parametrize(
    "origin", ["t.example", "https://", "https://t.example/", "https://t.example:", "ftp://t.example", "*"]
)
def test_e009_an_origin_that_is_none(settings, origin):
    settings.CSRF_TRUSTED_ORIGINS = [
        "https://t.example:8443",
        "https://*.t.example",
        "http://[::1]:8000",
        origin,
    ]
    assert messages() == [
        ("tetraflix.E009", f"CSRF_TRUSTED_ORIGINS has {origin!r}, which is not a valid origin.")
    ]


@pytest.mark.parametrize(
    "host", ["https://t.example", "t.example:8000", "t example", "t.example/x", "", " t.example"]
)
def test_e010_a_host_that_no_request_can_name(settings, host):
    settings.ALLOWED_HOSTS = ["127.0.0.1", "[::1]", "localhost", ".t.example", "*", host]
    assert messages() == [("tetraflix.E010", f"ALLOWED_HOSTS has {host!r}, which is not a valid host name.")]


def test_manage_py_check_runs_them():
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={**os.environ, "PORT": "0"},
        cwd=configured.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "(tetraflix.E003) PORT is 0." in done.stderr


def test_only_what_serves_or_checks_the_admin_imports_its_pages():
    code = """
import django
django.setup()
from django.contrib import admin
from tetraflix import checks
before = len(admin.site._registry)
checks.admin_pages(None)
print(before, len(admin.site._registry) > 5)
"""
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "tetraflix.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "0 True\n"


def test_every_error_has_a_hint(settings):
    settings.SECRET_KEY = "short"
    settings.PORT = 0
    errors = found()  # in no order, because Django keeps the checks in a set
    assert {error.id for error in errors} == {"tetraflix.E001", "tetraflix.E003"}
    assert all(error.hint for error in errors)
