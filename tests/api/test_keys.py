"""API keys: roles, invalid and revoked keys, limits, and the commands that manage them."""

import getpass
from datetime import timedelta
from importlib import import_module
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from movies.models import Movie
from tests.api.calling import LORD, NO_SUCH_KEY, PROFILE, Caller
from tetraflix.access import api_keys
from tetraflix.access.api_keys import create_key
from tetraflix.models import ApiKey, KeyUse

MOVIES = "/tetraflix/movies"
WRITES = {
    "distributor": [
        ("POST", MOVIES),
        ("PUT", f"{MOVIES}/1"),
        ("PATCH", f"{MOVIES}/1"),
        ("DELETE", f"{MOVIES}/1"),
    ],
    "service": [
        ("POST", "/tetraflix/sessionData"),
        ("POST", "/tetraflix/userRecs"),
        ("DELETE", "/tetraflix/currentlyWatching/1/1"),
        ("PUT", "/tetraflix/currentlyWatching/1/1"),
        ("DELETE", "/tetraflix/dismissed/1/1"),
        ("PUT", "/tetraflix/dismissed/1/1"),
        ("PUT", "/tetraflix/preferences/1"),
    ],
}
CALLS = [(role, *call) for role, calls in WRITES.items() for call in calls]


@pytest.mark.parametrize(("role", "method", "path"), CALLS)
def test_a_write_without_a_key_is_401(anybody: Caller, role: str, method: str, path: str):
    answer = anybody(method, path, {})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="tetraflix"'
    assert answer.json() == {"detail": "This needs an API key: Authorization: Bearer <key>."}


@pytest.mark.parametrize(("role", "method", "path"), CALLS)
def test_a_key_of_the_other_role_is_403(db, role: str, method: str, path: str):
    other = next(other for other in WRITES if other != role)
    answer = Caller(other)(method, path, {})
    assert answer.status_code == 403
    assert answer.json() == {"detail": f"This needs a key of the role {role}; yours is a {other}'s."}


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (f"Bearer {NO_SUCH_KEY}", "No such API key."),
        ("Bearer", "No such API key."),
        ("Bearer é\x7f", "No such API key."),
        ("Basic dXNlcjpwYXNz", "Send the key as: Authorization: Bearer <key>."),
    ],
)
def test_an_invalid_key_is_401(db, header: str, detail: str):
    answer = Caller(authorization=header)("POST", MOVIES, LORD)
    assert (answer.status_code, answer.json()) == (401, {"detail": detail})


def test_the_right_look_up_part_with_another_secret_is_401(distributor: Caller):
    wrong = distributor.key[:-43] + "x" * 43
    answer = Caller(authorization=f"Bearer {wrong}")("POST", MOVIES, LORD)
    assert (answer.status_code, answer.json()) == (401, {"detail": "No such API key."})


def test_a_revoked_key_is_refused_from_the_next_request_on(distributor: Caller):
    assert distributor("POST", MOVIES, LORD).status_code == 201
    call_command("revoke_api_key", "the distributor", stdout=StringIO())
    answer = distributor("POST", MOVIES, LORD)
    assert (answer.status_code, answer.json()) == (401, {"detail": "This API key was revoked."})
    assert Movie.objects.count() == 1


def test_the_key_is_nowhere_in_the_database(distributor: Caller):
    row = ApiKey.objects.get()
    secret = distributor.key[-43:]
    assert all(secret not in str(value) for value in vars(row).values())
    assert bytes(row.digest).hex() not in distributor.key


def test_when_a_key_was_last_used_is_written_once_a_minute(distributor: Caller):
    distributor("POST", MOVIES, {})
    first = ApiKey.objects.get().last_used
    assert first is not None
    distributor("POST", MOVIES, {})
    assert ApiKey.objects.get().last_used == first
    ApiKey.objects.update(last_used=first - timedelta(minutes=2))
    distributor("POST", MOVIES, {})
    again = ApiKey.objects.get().last_used
    assert again is not None
    assert again > first


@pytest.mark.parametrize("path", ["/tetraflix/genre/drama", "/tetraflix/recommendations/1"])
def test_reads_need_no_key_and_look_none_up(anybody: Caller, path: str):
    with CaptureQueriesContext(connection) as statements:
        assert anybody("GET", path).status_code == 200
        assert Caller(authorization=f"Bearer {NO_SUCH_KEY}")("GET", path).status_code == 200
    assert [s["sql"] for s in statements if "apikey" in s["sql"]] == []


@pytest.mark.parametrize(
    "path", [MOVIES, f"{MOVIES}/1", "/tetraflix/genre/drama", "/tetraflix/recommendations/1"]
)
def test_one_setting_makes_every_read_need_a_key_of_any_role(
    db, settings: Settings, path: str, anybody: Caller, service: Caller, distributor: Caller
):
    Movie.objects.create(id=1, title="Kahaani", profile=list(PROFILE.values()))
    settings.READS_NEED_KEY = True
    assert anybody("GET", path).status_code == 401
    assert service("GET", path).status_code == 200
    assert distributor("GET", path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", MOVIES),
        ("POST", f"{MOVIES}/1"),
        ("GET", "/tetraflix/sessionData"),
        ("PUT", "/tetraflix/userRecs"),
        ("GET", "/tetraflix/currentlyWatching/1/1"),
        ("POST", "/tetraflix/recommendations/1"),
        ("OPTIONS", MOVIES),
    ],
)
def test_an_unsupported_method_is_405(anybody: Caller, method: str, path: str):
    answer = anybody(method, path)
    assert (answer.status_code, answer.json()) == (405, {"detail": f'Method "{method}" not allowed.'})


def test_a_key_that_writes_too_often_is_429_and_others_are_not(settings: Settings, distributor: Caller):
    settings.WRITES_PER_MINUTE = 3
    key = ApiKey.objects.get()
    # all three calls of the current minute
    this_minute = int(timezone.now().timestamp() // 60)
    KeyUse.objects.create(key=key, minute=this_minute, calls=3)
    answer = distributor("POST", MOVIES, LORD)
    if int(timezone.now().timestamp() // 60) != this_minute:
        pytest.skip("the minute was over in between")
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer.json()["detail"].startswith("Request was throttled.")
    assert Caller("distributor")("POST", MOVIES, LORD).status_code == 201
    assert distributor("GET", MOVIES).status_code == 200
    KeyUse.objects.filter(key=key).update(minute=this_minute - 1)
    assert distributor("POST", MOVIES, LORD).status_code == 201


def test_create_api_key_prints_the_key_alone_and_says_how_to_revoke_it(db):
    out, err = StringIO(), StringIO()
    call_command("create_api_key", "Acme Films", role="distributor", stdout=out, stderr=err)
    key = out.getvalue().removesuffix("\n")
    row = ApiKey.objects.get()
    assert key.startswith(f"tfd_{row.lookup}_")
    assert err.getvalue() == (
        f"A distributor key for Acme Films; revoke it with: manage.py revoke_api_key {row.lookup}\n"
    )
    assert Caller(authorization=f"Bearer {key}")("POST", MOVIES, LORD).status_code == 201


def test_a_name_belongs_to_one_key_in_use(db):
    create_key(name="Acme", role="distributor")
    with pytest.raises(CommandError, match="A key named Acme is in use"):
        call_command("create_api_key", " Acme ", role="service")
    out = StringIO()
    call_command("revoke_api_key", "Acme", stdout=out)
    first = ApiKey.objects.get()
    assert out.getvalue() == f"Revoked: Acme ({first.lookup})\n"
    call_command("create_api_key", "Acme", role="service", stdout=StringIO(), stderr=StringIO())
    call_command("revoke_api_key", "Acme", stdout=StringIO())
    assert [key.revoked_at is None for key in ApiKey.objects.all()] == [False, False]
    assert {key.revoked_by for key in ApiKey.objects.all()} == {f"command:{getpass.getuser()}"}
    with pytest.raises(CommandError, match="No such active key"):
        call_command("revoke_api_key", first.lookup)


def test_the_database_refuses_a_second_key_of_a_name(db, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        api_keys, "checked_name", str.strip
    )  # as if both were checked before either was stored
    create_key(name="Acme", role="distributor")
    with pytest.raises(api_keys.BadName, match="A key named Acme is in use"):
        create_key(name="Acme", role="service")
    assert ApiKey.objects.count() == 1


def test_a_name_that_is_also_a_look_up_part_revokes_neither(db):
    row, _ = create_key(name="Acme", role="distributor")
    _, other = create_key(name=row.lookup, role="service")
    with pytest.raises(CommandError, match="Several keys match"):
        call_command("revoke_api_key", row.lookup)
    call_command("revoke_api_key", other, stdout=StringIO())
    assert [key.name for key in ApiKey.objects.filter(revoked_at=None)] == ["Acme"]


@pytest.mark.django_db(transaction=True)
def test_keys_of_one_name_are_named_apart_before_it_is_forbidden():
    """The migration keeps every key, and the name of the first."""
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX tetraflix_one_living_key_a_name")
    for name, lookup, revoked in [
        ("Acme", "a" * 10, False),
        ("Acme", "b" * 10, False),
        ("Acme", "c" * 10, True),
        ("x" * 100, "d" * 10, False),
        ("x" * 100, "e" * 10, False),
    ]:
        revoked_at = timezone.now() if revoked else None
        ApiKey.objects.create(name=name, role="service", lookup=lookup, digest=b"", revoked_at=revoked_at)
    import_module("tetraflix.migrations.0005_keys_by_whom").name_apart(apps, None)
    with connection.schema_editor() as editor:
        editor.add_constraint(ApiKey, ApiKey._meta.constraints[0])
    assert list(ApiKey.objects.order_by("id").values_list("name", flat=True)) == [
        "Acme",
        f"Acme ({'b' * 10})",
        "Acme",
        "x" * 100,
        f"{'x' * 87} ({'e' * 10})",
    ]


def test_list_api_keys_shows_everything_but_the_secret(db):
    row, _ = create_key(name="Acme", role="service")
    out = StringIO()
    call_command("list_api_keys", stdout=out)
    today = row.created.strftime("%Y-%m-%d")
    assert out.getvalue() == f"{row.lookup}  service      {today}  {'never used':<24}  Acme\n"
