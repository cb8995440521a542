"""API keys in the admin: shown once, rolled, and revoked after a question, with a record of who did it."""

import json
import re
import shlex
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from movies.foundation.times import written
from tests.admin.forms import says
from tests.api.calling import LORD, Caller
from tests.movies.factories import movie
from tests.staff import logged_in
from tetraflix.access import api_keys
from tetraflix.access.api_keys import create_key
from tetraflix.access.rolling import ENDS, roll_key
from tetraflix.backoffice.access import key_pages, keys
from tetraflix.models import ApiKey

KEYS = "/admin/tetraflix/apikey/"
ADDED = {"name": "Studio", "role": "distributor"}


def shown(response: Any) -> str | None:
    """The new key, if the page shows one."""
    found = re.search(r'id="secret">(tf[ds]_\w+_[\w-]+)<', response.content.decode())
    return found and found[1]


def words(response: Any) -> str:
    """The text of the page."""
    text = " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())
    return re.sub(r" (?=[.,])", "", text)


def page_of(row: ApiKey) -> str:
    return f"{KEYS}{row.pk}/change/"


def revoke(client: Client, *ids: int, **more: str) -> Any:
    form = {"action": "revoke", "index": "0", "select_across": "0", "_selected_action": list(map(str, ids))}
    return client.post(KEYS, form | more, follow=True)


def act(client: Client, row: ApiKey, act: str, **form: str) -> Any:
    return client.post(f"{KEYS}{row.pk}/{act}/", form, follow=True)


def test_a_new_key_is_shown_once_and_works_until_revoked(boss: Client):
    made = boss.post(KEYS + "add/", ADDED)
    row = ApiKey.objects.get()
    page = page_of(row)
    assert (made.status_code, made["Location"]) == (302, page)
    first = boss.get(page)
    key = shown(first)
    assert key is not None
    assert "no-store" in first["Cache-Control"]
    for again in (boss.get(page), boss.get(KEYS), boss.get(KEYS + "add/")):
        assert again.status_code == 200
        assert key not in again.content.decode()
    assert row.lookup in boss.get(page).content.decode()
    assert ApiKey.objects.count() == 1
    studio = Caller(authorization=f"Bearer {key}")
    assert studio("POST", "/tetraflix/movies", LORD).status_code == 201

    asked = revoke(boss, row.pk)
    assert "Revoke 1 API key?" in asked.content.decode()
    assert studio("POST", "/tetraflix/movies", {**LORD, "title": "Kahaani"}).status_code == 201
    assert says(revoke(boss, row.pk, sure="yes")) == ["1 API key revoked, effective now."]
    assert studio("POST", "/tetraflix/movies", LORD).status_code == 401


def test_the_new_key_is_in_a_cookie_for_its_page_only(boss: Client):
    made = boss.post(KEYS + "add/", ADDED)
    row = ApiKey.objects.get()
    cookie = made.cookies[key_pages.NEW_KEY]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (made["Location"], True, "Strict")
    assert cookie["max-age"] == 60
    assert cookie.value not in made["Location"]
    gone = boss.get(made["Location"]).cookies[key_pages.NEW_KEY]
    assert (gone.value, gone["path"], gone["max-age"]) == ("", made["Location"], 0)
    _, secret = create_key(name="Other", role="service")
    for planted in ("tfd_planted", secret, "<script>"):
        boss.cookies[key_pages.NEW_KEY] = planted
        page = boss.get(page_of(row))
        assert shown(page) is None
        assert planted not in page.content.decode()


def test_the_page_of_a_key_shows_who_created_and_who_revoked_it(boss: Client):
    boss.post(KEYS + "add/", ADDED)
    row = ApiKey.objects.get()
    page = words(boss.get(page_of(row)))
    for text in (
        "State active",
        "Role Distributor: for adding, changing and removing movies",
        f"Key tfd_{row.lookup}_…",
        f"Created {written(row.created)} by staff:boss",
        "Last used never",
        "Writes 0 in this minute (limit 1,200), 0 today (UTC)",
        "Roll this key",
        "Revoke this key",
        "Created.",
    ):
        assert text in page
    assert "Revoke the key Studio?" in words(act(boss, row, "revoke"))
    assert ApiKey.objects.get().revoked_at is None
    revoked = act(boss, row, "revoke", sure="yes")
    row.refresh_from_db()
    assert row.revoked_at is not None
    assert says(revoked) == ["1 API key revoked, effective now."]
    page = words(revoked)
    assert f"State revoked {written(row.revoked_at)} by staff:boss" in page
    assert f"{written(row.revoked_at)} staff:boss Revoked." in page
    for text in ("Revoke this key", "Roll this key", "curl"):
        assert text not in page
    for again in (act(boss, row, "revoke", sure="yes"), revoke(boss, row.pk)):
        assert says(again) == ["Nothing was revoked, because no active key is selected."]


def test_a_roll_shows_the_new_key_and_both_pages_show_the_end(boss: Client):
    old, _ = create_key(name="Studio", role="service")
    asked = boss.get(f"{KEYS}{old.pk}/roll/")
    assert "This key was never used." in words(asked)
    assert ApiKey.objects.count() == 1
    rolled = act(boss, old, "roll", keep="24h")
    new = ApiKey.objects.get(first=old)
    old.refresh_from_db()
    assert old.ends_at is not None
    assert rolled.redirect_chain == [(page_of(new), 302)]
    key = shown(rolled)
    assert key is not None
    assert key.startswith(f"tfs_{new.lookup}_")
    assert f"The old key is accepted until {written(old.ends_at)}." in words(rolled)
    again = words(boss.get(page_of(new)))
    assert f"Replaces tfs_{old.lookup}_… ( ends {written(old.ends_at)} )" in again
    assert f"Replaces {old.lookup}." in again
    page = words(boss.get(page_of(old)))
    assert f"State ends {written(old.ends_at)}" in page
    assert f"Replaced by tfs_{new.lookup}_… ( active ), {written(new.created)} by staff:boss" in page
    assert f"Rolled: {new.lookup} replaces it, and it ends in 24 hours." in page
    assert "Roll this key" not in page
    refused = act(boss, old, "roll", keep="24h")
    assert says(refused) == ["This key was rolled before. Roll the key that replaces it."]
    assert ApiKey.objects.count() == 2


def test_a_second_roll_offers_an_immediate_end_only(boss: Client):
    first, _ = create_key(name="Studio", role="service")
    second, _ = roll_key(first, keep=ENDS["24h"])
    page = boss.get(f"{KEYS}{second.pk}/roll/").content.decode()
    assert re.findall(r'<option value="(\w+)"', page) == ["now"]
    assert says(act(boss, second, "roll", keep="7d"))[0].startswith(
        "The key before this one is accepted until"
    )
    assert "new key" in words(act(boss, second, "roll", keep="now"))
    assert [key.pk for key in ApiKey.objects.active().order_by("pk")] == [
        first.pk,
        ApiKey.objects.latest("pk").pk,
    ]


def test_an_invalid_end_asks_again_and_changes_nothing(boss: Client):
    row, _ = create_key(name="Studio", role="service")
    for keep in ("", "8d", "-1"):
        assert "Roll key Studio" in words(act(boss, row, "roll", keep=keep))
        assert says(act(boss, row, "end", keep=keep)) == ["Nothing was changed: choose one of the ends."]
    assert says(act(boss, row, "end", keep="7d")) == ["This key has no end, because it was not rolled."]
    assert [(key.ends_at, key.revoked_at) for key in ApiKey.objects.all()] == [(None, None)]


def test_the_end_is_moved_and_an_end_now_asks(boss: Client):
    row, _ = create_key(name="Studio", role="service")
    roll_key(row, keep=ENDS["1h"])
    assert says(act(boss, row, "end", keep="7d")) == ["The key ends in 7 days."]
    row.refresh_from_db()
    assert row.ends_at is not None
    assert row.ends_at > timezone.now() + timedelta(days=6)
    asked = act(boss, row, "end", keep="now")
    assert "Revoke the key Studio?" in words(asked)
    assert ApiKey.objects.get(pk=row.pk).revoked_at is None
    assert '<input type="hidden" name="keep" value="now">' in asked.content.decode()
    act(boss, row, "end", keep="now", sure="yes")
    assert ApiKey.objects.get(pk=row.pk).revoked_by == "staff:boss"


def test_undoing_a_roll_asks_and_is_in_the_log(boss: Client):
    row, _ = create_key(name="Studio", role="service")
    new, secret = roll_key(row, keep=ENDS["1h"])
    assert "Undo the roll of Studio?" in words(act(boss, row, "undo_roll"))
    assert ApiKey.objects.get(pk=row.pk).ends_at is not None
    undone = act(boss, row, "undo_roll", sure="yes")
    assert says(undone) == ["The roll is undone. This key has no end."]
    assert "Roll undone: it has no end, and the new key is revoked." in words(undone)
    assert ApiKey.objects.get(pk=new.pk).revoked_by == "staff:boss"
    assert Caller(authorization=f"Bearer {secret}")("POST", "/tetraflix/userRecs", {}).status_code == 401


@pytest.mark.parametrize("role", ["distributor", "service"])
def test_the_request_on_the_page_is_answered_with_201(boss: Client, role: str):
    boss.post(KEYS + "add/", {"name": "Studio", "role": role})
    command = boss.get(page_of(ApiKey.objects.get())).context["curl"]
    parts = [part for part in shlex.split(command) if part.strip()]
    assert parts[:3] == ["curl", "-X", "POST"]
    address, authorization, body = parts[3], parts[5], parts[9]
    assert address.startswith("http://testserver/tetraflix/")
    if role == "service":
        movie(movie_id=1)
    caller = Caller(authorization=authorization.removeprefix("Authorization: "))
    answer = caller("POST", address.removeprefix("http://testserver"), json.loads(body))
    assert answer.status_code == 201, answer.content
    # the key is not known any more
    assert "Bearer $TETRAFLIX_KEY" in boss.get(page_of(ApiKey.objects.get())).context["curl"]


def test_the_list_names_unused_keys_and_filters_by_state(boss: Client):
    now = timezone.now()
    made = {
        name: create_key(name=name, role="service")[0] for name in ("New", "Old", "Idle", "Ended", "Revoked")
    }
    rows = {name: ApiKey.objects.filter(pk=row.pk) for name, row in made.items()}
    rows["Old"].update(created=now - timedelta(days=31), last_used=now - timedelta(days=29))
    rows["Idle"].update(created=now - timedelta(days=41))
    rows["Ended"].update(ends_at=now, created=now - timedelta(days=99))
    rows["Revoked"].update(revoked_at=now, created=now - timedelta(days=99))
    page = boss.get(KEYS)
    assert "Unused for 30 days: Idle. Revoke the keys that nobody needs." in words(page)
    assert "active, unused for 41 d" in words(page)
    found = {
        state: sorted(key.name for key in boss.get(f"{KEYS}?state={state}").context["cl"].result_list)
        for state in ("active", "unused", "refused", "else")
    }
    assert found == {
        "active": ["Idle", "New", "Old"],
        "unused": ["Idle"],
        "refused": ["Ended", "Revoked"],
        "else": sorted(made),
    }
    rows["Idle"].update(last_used=now)
    assert "Unused for 30 days:" not in words(boss.get(KEYS))


def test_the_confirmation_revokes_exactly_the_keys_that_it_lists(boss: Client):
    first, _ = create_key(name="First", role="service")
    second, _ = create_key(name="Second", role="service")
    asked = revoke(boss, first.pk, select_across="1")
    ids = re.findall(r'name="_selected_action" value="(\d+)"', asked.content.decode())
    assert sorted(map(int, ids)) == [first.pk, second.pk]
    assert 'name="select_across" value="0"' in asked.content.decode()
    create_key(name="Third", role="service")
    assert says(revoke(boss, *map(int, ids), sure="yes")) == ["2 API keys revoked, effective now."]
    assert [key.name for key in ApiKey.objects.filter(revoked_at=None)] == ["Third"]


def test_a_key_is_neither_changed_nor_deleted_here(boss: Client):
    boss.post(KEYS + "add/", ADDED)
    row = ApiKey.objects.get()
    assert boss.post(f"{KEYS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert boss.post(page_of(row), {"name": "Else", "role": "service"}).status_code == 403
    assert ApiKey.objects.get().name == "Studio"


def test_a_bad_name_is_refused(boss: Client):
    page = boss.post(KEYS + "add/", {"name": "a\u0007b", "role": "distributor"})
    assert page.context["adminform"].form.errors == {
        "name": ["A key's name has 1 to 100 printable characters."]
    }
    assert ApiKey.objects.count() == 0


def test_a_name_in_use_is_refused_also_after_validation(boss: Client, monkeypatch: pytest.MonkeyPatch):
    boss.post(KEYS + "add/", ADDED)
    taken = "A key named Studio is in use. Choose another name, or revoke that key first."
    page = boss.post(KEYS + "add/", ADDED)
    assert page.context["adminform"].form.errors == {"name": [taken]}
    monkeypatch.setattr(keys, "checked_name", str.strip)
    monkeypatch.setattr(api_keys, "checked_name", str.strip)
    assert says(boss.post(KEYS + "add/", ADDED, follow=True)) == [taken]
    assert ApiKey.objects.count() == 1


def test_creating_keys_needs_permission_to_view_them(db: None, plain_static_files: None):
    client = holder_of("add_apikey")
    assert client.post(KEYS + "add/", ADDED).status_code == 403
    assert ApiKey.objects.count() == 0


def test_each_act_needs_its_permission(db: None, plain_static_files: None):
    row, _ = create_key(name="Studio", role="service")
    reader = holder_of("view_apikey")
    page = words(reader.get(page_of(row)))
    assert ("Roll this key" in page, "Revoke this key" in page) == (False, False)
    revoker = holder_of("view_apikey", "change_apikey")
    page = words(revoker.get(page_of(row)))
    assert ("Roll this key" in page, "Revoke this key" in page) == (False, True)
    for client, refused in ((reader, ("roll", "end", "undo_roll", "revoke")), (revoker, ("roll",))):
        for name in refused:
            form = {"keep": "24h", "sure": "yes"}
            assert client.post(f"{KEYS}{row.pk}/{name}/", form).status_code == 403, name
    assert ApiKey.objects.get().is_active()
    assert ApiKey.objects.get().ends_at is None


def holder_of(*permissions: str) -> Client:
    client = logged_in("_".join(permissions))
    user = User.objects.get(username="_".join(permissions))
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return client
