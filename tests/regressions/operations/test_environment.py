"""Environment variables as operators write them."""

import multiprocessing
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from tests.servers.running_stack import MANAGE, outside_environment
from tetraflix.configuration import secret_key
from tetraflix.configuration.environment import (
    CONNECTION_OPTIONS,
    BadEnvironment,
    Environment,
    bypass_proxy_on_loopback,
)

pytestmark = pytest.mark.timeout(600)  # most of the time goes into starting programs
ROOT = MANAGE.parent
ENCODED = (
    " In a user's name or password special characters are percent-encoded: "
    "% is %25, # is %23, / is %2F, : is %3A, ? is %3F, @ is %40."
)
PROGRAMS: dict[str, list[str | Path]] = {
    "manage.py": [MANAGE, "status"],
    "celery": ["-m", "celery", "-A", "tetraflix", "worker"],
    "web": ["-c", "import tetraflix.wsgi"],
}


def run(words: list[str | Path], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A program of the service, with these variables and none of the test session's."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**outside_environment(), "TETRAFLIX_VAR": str(folder), **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_bad_variable_is_one_line_that_shows_nothing_of_a_password(program: str, tmp_path: Path) -> None:
    """F8: in every program: the variable's name, what is wrong, what to do; no traceback, no success."""
    found = run(PROGRAMS[program], tmp_path, DATABASE_URL="postgresql://u:se#cret@h/db")
    assert found.returncode != 0
    assert found.stderr == (
        "DATABASE_URL has a # or a lone % in it: write postgresql://user:password@host:port/name."
        + ENCODED
        + "\n"
    )
    assert found.stdout == ""


def test_all_bad_variables_are_named_at_once(tmp_path: Path) -> None:
    """F8: one line for each."""
    bad = {
        "DATABASE_URL": "postgresql://u:se@cret/x@h/db",
        "MONGODB_URL": "mongodb://u:se/cret@h/db",
        "ELASTICSEARCH_URL": "http://a:9200, u:secret@b",
        "AWS_ENDPOINT_URL_SQS": "127.0.0.1:4566",
        "PORT": "\uff18\uff10\uff18\uff10",
        "DEBUG": "perhaps",
        "FINISHED_MARK": "1_0",
        "LOG_LEVEL": "loud",
    }
    found = run([MANAGE, "check"], tmp_path, **bad)
    assert (found.returncode, found.stdout) == (1, "")
    assert sorted(line.split()[0] for line in found.stderr.splitlines()) == sorted(bad)
    assert "cret" not in found.stderr


def test_a_folder_that_cannot_be_written_is_reported_in_one_line() -> None:
    """F8: TETRAFLIX_VAR is a variable, too."""
    found = run([MANAGE, "check"], Path("/proc/nowhere"))
    assert found.returncode == 1
    assert found.stderr.startswith("TETRAFLIX_VAR leads to /proc/nowhere, which cannot be used (")
    assert found.stderr.count("\n") == 1


@pytest.fixture
def env() -> Environment:
    return Environment()


def database(url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    env = Environment()
    monkeypatch.setenv("DATABASE_URL", url)
    found = env.database_url("DATABASE_URL")
    env.seal()
    return found


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@s/x@h/db",
        "postgresql://u:p@s@h/db",
        "postgresql://u:p/s@h/db",
        "postgresql://u:5432/s@h/db",
        "postgresql://u:p?s@h/db",
        "postgresql://u:5432?s@h/db",
        "postgresql://u:p#s@h/db",
        "postgresql://u:p%s@h/db",
        "postgresql://u:p s@h/db",
        "postgresql://u:p\ns@h/db",
        "postgresql://u:[p]@h/db",
        "postgresql://u:p@h:port/db",
        "postgresql://u:p@h:0/db",
        "postgresql://u:p@h:65536/db",
        "postgresql://u:p@h:5\uff1432/db",
        "postgresql://u:p@h",
        "postgresql://u:p@h/",
        "postgresql://u:p@h/a/b",
        "postgresql://u:p@h/db?sslmod=require",
        "postgresql:/u:p@h/db",
        "mysql://u:p@h/db",
        "sqlite:///db",
        "u:p@h/db",
        "h",
    ],
)
def test_an_address_of_a_database_that_cannot_be_split_safely_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F8: never guessed, and nothing of it shown."""
    with pytest.raises(BadEnvironment) as error:
        database(url, monkeypatch)
    lines = str(error.value).splitlines()
    assert [line.startswith("DATABASE_URL ") for line in lines] == [True]
    assert "p@s" not in lines[0]


@given(
    user=st.text(min_size=1).filter(lambda text: text.isprintable()),
    password=st.text(min_size=1).filter(lambda text: "\x00" not in text),
)
def test_any_percent_encoded_password_is_read_correctly(user: str, password: str) -> None:
    """F8: what the error message suggests works for every character."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        url = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@db.example:5433/name?connect_timeout=2"
        found = database(url, monkeypatch)
    assert {name: found[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME", "OPTIONS")} == {
        "USER": user,
        "PASSWORD": password,
        "HOST": "db.example",
        "PORT": 5433,
        "NAME": "name",
        "OPTIONS": CONNECTION_OPTIONS | {"connect_timeout": 2},
    }


@given(password=st.text(alphabet="ab1%@:/?#[]", min_size=1, max_size=8))
def test_a_raw_password_is_read_completely_or_refused(password: str) -> None:
    """F8: no part of it ever becomes a host, a port, a name or an option."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        try:
            found = database(f"postgresql://u:{password}@h.example/db", monkeypatch)
        except BadEnvironment:
            return
    assert (found["HOST"], found["NAME"], found["PORT"], found.get("OPTIONS")) == (
        "h.example",
        "db",
        "",
        CONNECTION_OPTIONS,
    )


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("127.0.0.1, t.example", ["127.0.0.1", "t.example"]),
        (" a ,, b ,", ["a", "b"]),
        ("\ta\n", ["a"]),
        (",", []),
    ],
)
def test_elements_of_lists_are_stripped_and_empty_ones_dropped(
    text: str, listed: list[str], env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-hosts: a blank after a comma does not belong to a name."""
    monkeypatch.setenv("LIST", text)
    assert env.items("LIST") == listed
    monkeypatch.setenv("URLS", ", ".join(f"http://{name}:9200" for name in listed))
    example = "http://host:9200"
    assert env.addresses("URLS", "", schemes=["http"], example=example) == ",".join(
        f"http://{name}:9200" for name in listed
    )


def test_a_host_after_a_blank_is_answered(tmp_path: Path) -> None:
    """F-hosts: 200 for Host: t.example."""
    code = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "print(Client().get('/tetraflix/schema', headers={'host': 't.example'}).status_code)"
    )
    found = run(
        ["-c", code],
        tmp_path,
        DJANGO_SETTINGS_MODULE="tetraflix.settings",
        ALLOWED_HOSTS="127.0.0.1, t.example",
    )
    assert found.stdout == "200\n", found.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "127.0.0.1,localhost,::1,[::1]"),
        ({"NO_PROXY": "db.example, localhost"}, "db.example,localhost,127.0.0.1,::1,[::1]"),
        ({"no_proxy": "small", "NO_PROXY": "large"}, "small,127.0.0.1,localhost,::1,[::1]"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_the_proxy_never_applies_to_this_machine(before: dict[str, str], after: str) -> None:
    """F1: earlier entries stay."""
    environ = dict(before)
    bypass_proxy_on_loopback(environ)
    bypass_proxy_on_loopback(environ)
    assert environ == {"no_proxy": after, "NO_PROXY": after}


@pytest.mark.parametrize(
    ("trusted", "forwarded", "status"),
    [
        (["https://t.example:8443"], False, 200),
        (["https://*.example:8443"], False, 200),
        (["https://other.example"], False, 403),
        ([], False, 403),
        ([], True, 200),
    ],
)
def test_a_form_from_a_trusted_origin_is_admitted(
    trusted: list[str], forwarded: bool, status: int, db: None, settings: Settings
) -> None:
    """F2: behind a proxy for https on another port than 443, which may forward the requested host."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.ALLOWED_HOSTS = ["t.example"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.CSRF_TRUSTED_ORIGINS = trusted
    settings.USE_X_FORWARDED_HOST = forwarded
    proxy = {"host": "t.example", "x-forwarded-proto": "https", "x-forwarded-host": "t.example:8443"}
    client = Client(enforce_csrf_checks=True, headers=proxy)
    token = client.get("/admin/login/").cookies["csrftoken"].value
    form = {"username": "x", "password": "x", "csrfmiddlewaretoken": token}
    answer = client.post("/admin/login/", form, headers={"origin": "https://t.example:8443"})
    assert answer.status_code == status


def test_the_variables_for_a_proxy_are_settings(tmp_path: Path) -> None:
    """F2: the variables in the README become Django's settings."""
    code = (
        "from django.conf import settings\n"
        "print(settings.CSRF_TRUSTED_ORIGINS, settings.USE_X_FORWARDED_HOST)"
    )
    variables = {
        "CSRF_TRUSTED_ORIGINS": "https://t.example:8443, https://u.example",
        "USE_FORWARDED_HOST": "on",
    }
    found = run(["-c", code], tmp_path, DJANGO_SETTINGS_MODULE="tetraflix.settings", **variables)
    assert found.stdout == "['https://t.example:8443', 'https://u.example'] True\n", found.stderr


def _first_start(folder: Path, start: object, keys: object) -> None:
    start.wait()  # type: ignore[attr-defined]
    keys.put(secret_key.load_or_create(folder))  # type: ignore[attr-defined]


def test_first_starts_at_once_agree_on_one_secret_key(tmp_path: Path) -> None:
    """Two processes that start on an empty folder sign with the same key; no partial file is left."""
    context = multiprocessing.get_context("fork")
    for number in range(20):
        folder = tmp_path / str(number)
        start, keys = context.Event(), context.Queue()
        processes = [context.Process(target=_first_start, args=[folder, start, keys]) for _ in range(6)]
        for process in processes:
            process.start()
        start.set()
        found = {keys.get(timeout=60) for _ in processes}
        for process in processes:
            process.join(60)
        assert len(found) == 1
        assert len(found.pop()) >= 50
        assert [(file.name, file.stat().st_mode & 0o777) for file in folder.iterdir()] == [
            ("secret_key", 0o600)
        ]
