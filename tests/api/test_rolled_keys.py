"""Rolled API keys: what the old and the new key are accepted for, until when, and the acts around a roll."""

import getpass
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.utils import timezone

from movies.foundation.times import written
from movies.models import Movie
from tests.api.calling import LORD, Caller
from tests.statements import sent_statements
from tetraflix.access import api_keys
from tetraflix.access.api_keys import BadName, create_key, writes_of
from tetraflix.access.rolling import ENDS, CannotRoll, change_end, holders_keys, roll_key, undo_roll
from tetraflix.models import ApiKey

MOVIES = "/tetraflix/movies"
DAY = timedelta(hours=24)


@pytest.fixture
def old(db: None) -> Caller:
    return Caller("distributor")


def roll(key: ApiKey, keep: timedelta = DAY) -> tuple[ApiKey, Caller]:
    """Rolls the key; returns the new row and a caller who has the new key."""
    row, secret = roll_key(key, keep=keep, actor="staff:boss")
    return row, Caller(authorization=f"Bearer {secret}")


def end(key: ApiKey, ago: timedelta = timedelta(0)) -> None:
    ApiKey.objects.filter(pk=key.pk).update(ends_at=timezone.now() - ago)


def add(caller: Caller, title: str = "Kahaani") -> int:
    return int(caller("POST", MOVIES, {**LORD, "title": title}).status_code)


def test_both_keys_of_a_roll_are_accepted_until_the_old_one_ends(old: Caller):
    key = ApiKey.objects.get()
    row, new = roll(key)
    key.refresh_from_db()
    assert (row.name, row.role, row.created_by, row.ends_at) == (key.name, key.role, "staff:boss", None)
    assert key.ends_at is not None
    assert abs(key.ends_at - row.created - DAY) < timedelta(minutes=1)
    assert (add(old), add(new)) == (201, 201)
    end(key)
    answer = old("POST", MOVIES, LORD)
    key.refresh_from_db()
    assert (answer.status_code, answer.json()) == (
        401,
        {"detail": f"This API key was replaced, and ended at {written(key.ends_at)}."},
    )
    assert add(new) == 201


def test_an_immediate_end_revokes_the_old_key(old: Caller):
    key = ApiKey.objects.get()
    _, new = roll(key, ENDS["now"])
    key.refresh_from_db()
    assert (key.revoked_by, key.ends_at) == ("staff:boss", None)
    assert old("POST", MOVIES, LORD).json() == {"detail": "This API key was revoked."}
    assert add(new) == 201


def test_a_key_with_an_end_takes_no_more_statements_than_one_without(old: Caller):
    ApiKey.objects.update(last_used=timezone.now())
    with sent_statements() as before:
        add(old)
    roll(ApiKey.objects.get())
    with sent_statements() as after:
        add(old)
    assert len(after) == len(before)
    assert sum("tetraflix_apikey" in sql for sql in after) == 1


def test_a_repetition_with_the_new_key_is_done_once(old: Caller):
    first = old("POST", MOVIES, LORD, Idempotency_Key="a")
    second_row, second = roll(ApiKey.objects.get())
    _, third = roll(second_row, ENDS["now"])
    for again in (old, third):
        answer = again("POST", MOVIES, LORD, Idempotency_Key="a")
        assert (answer.status_code, answer.content, answer["Idempotent-Replay"]) == (
            201,
            first.content,
            "true",
        )
    assert second("POST", MOVIES, LORD, Idempotency_Key="a").status_code == 401
    assert Movie.objects.count() == 1


def test_a_key_is_rolled_once_and_an_inactive_one_never(old: Caller):
    key = ApiKey.objects.get()
    row, _ = roll(key)
    with pytest.raises(CannotRoll, match="was rolled before"):
        roll_key(key, keep=DAY)
    end(key)
    with pytest.raises(CannotRoll, match="not accepted any more"):
        roll_key(key, keep=DAY)
    call_command("revoke_api_key", row.lookup, stdout=StringIO())
    with pytest.raises(CannotRoll, match="not accepted any more"):
        roll_key(row, keep=DAY)
    assert ApiKey.objects.count() == 2


def test_a_name_has_at_most_two_active_keys(old: Caller):
    first = ApiKey.objects.get()
    second, _ = roll(first)
    with pytest.raises(CannotRoll, match=r"The key before this one is accepted until .* immediate end"):
        roll_key(second, keep=DAY)
    third, _ = roll(second, ENDS["now"])  # for a new key that was lost before anybody copied it
    assert set(ApiKey.objects.active()) == {first, third}
    end(first)
    fourth, _ = roll(third)
    assert set(ApiKey.objects.active()) == {third, fourth}
    assert holders_keys(third) == [first, second, third, fourth]
    with pytest.raises(IntegrityError):
        ApiKey.objects.create(name=first.name, role=first.role, lookup="x" * 10, digest=b"")


def test_the_name_is_in_use_while_the_old_key_is_accepted(old: Caller):
    key = ApiKey.objects.get()
    row, _ = roll(key)
    call_command("revoke_api_key", row.lookup, stdout=StringIO())
    with pytest.raises(BadName, match="is in use"):
        create_key(name=key.name, role=key.role)
    end(key)
    create_key(name=key.name, role=key.role)


def test_the_end_can_be_moved_while_the_old_key_is_accepted(old: Caller):
    key = ApiKey.objects.get()
    with pytest.raises(CannotRoll, match="has no end"):
        change_end(key, keep=DAY)
    roll(key, ENDS["1h"])
    change_end(key, keep=ENDS["7d"])
    key.refresh_from_db()
    assert key.ends_at is not None
    assert key.ends_at > timezone.now() + timedelta(days=6)
    change_end(key, keep=ENDS["now"], actor="staff:boss")
    assert ApiKey.objects.get(pk=key.pk).revoked_by == "staff:boss"
    assert add(old) == 401
    with pytest.raises(CannotRoll, match="not accepted any more"):
        change_end(key, keep=DAY)


def test_a_roll_is_undone_while_nobody_has_used_the_new_key(old: Caller):
    key = ApiKey.objects.get()
    row, new = roll(key)
    undo_roll(key, actor="staff:boss")
    key.refresh_from_db()
    assert (key.ends_at, ApiKey.objects.get(pk=row.pk).revoked_by) == (None, "staff:boss")
    assert (add(old), add(new)) == (201, 401)
    with pytest.raises(CannotRoll, match="no roll to undo"):
        undo_roll(key)
    row, _ = roll(key)
    call_command("revoke_api_key", row.lookup, stdout=StringIO())
    undo_roll(key)
    assert ApiKey.objects.get(pk=key.pk).ends_at is None
    row, new = roll(key)
    assert add(new) == 201
    with pytest.raises(CannotRoll, match=rf"The new key \({row.lookup}\) was used at "):
        undo_roll(key)
    assert (add(old), add(new)) == (201, 201)


def test_writes_are_counted_by_minute_and_by_day(old: Caller, monkeypatch: pytest.MonkeyPatch):
    clock = SimpleNamespace(now=1_800_000_000.0)
    monkeypatch.setattr(api_keys, "time", SimpleNamespace(time=lambda: clock.now))
    key = ApiKey.objects.get()
    assert writes_of(key) == (0, 0)
    for _ in range(3):
        add(old)
    assert writes_of(key) == (3, 3)
    clock.now += 60
    assert writes_of(key) == (0, 3)
    add(old)
    assert writes_of(key) == (1, 4)
    clock.now += 86_400
    assert writes_of(key) == (0, 0)
    add(old)
    assert writes_of(key) == (1, 1)


def test_the_command_rolls_a_key_and_lists_both(old: Caller):
    key = ApiKey.objects.get()
    out, err = StringIO(), StringIO()
    call_command("create_api_key", key.name, "--roll", "--keep", "7d", stdout=out, stderr=err)
    key.refresh_from_db()
    assert key.ends_at is not None
    new = ApiKey.objects.get(first=key)
    assert out.getvalue().startswith(f"tfd_{new.lookup}_")
    assert err.getvalue().splitlines()[0] == (
        f"The old key ({key.lookup}) is accepted until {written(key.ends_at)}."
    )
    assert new.created_by == f"command:{getpass.getuser()}"
    listed = StringIO()
    call_command("list_api_keys", stdout=listed)
    assert f"ends {key.ends_at:%Y-%m-%d %H:%M}" in listed.getvalue()
    with pytest.raises(CommandError, match="Several keys match"):
        call_command("revoke_api_key", key.name)
    with pytest.raises(CommandError, match="immediate end"):
        call_command("create_api_key", key.name, "--roll")
    call_command("create_api_key", key.name, "--roll", "--keep", "now", stdout=StringIO(), stderr=err)
    assert f"The old key ({new.lookup}) is refused from now on." in err.getvalue()
    end(key)
    listed = StringIO()
    call_command("list_api_keys", stdout=listed)
    assert "ended " in listed.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [
        ("Acme",),
        ("Acme", "--role", "service", "--roll"),
        ("Acme", "--role", "service", "--keep", "1h"),
        ("x", "--roll"),
    ],
)
def test_the_command_refuses_what_does_not_go_together(db: None, arguments: tuple[str, ...]):
    with pytest.raises(CommandError):
        call_command("create_api_key", *arguments)
    assert ApiKey.objects.count() == 0
