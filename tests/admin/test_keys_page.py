"""API keys in the admin: shown once, revoked after confirmation, with a record of who did it."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.admin.forms import says
from tests.api.calling import LORD, Caller
from tetraflix import admin as keys_admin
from tetraflix.access import api_keys
from tetraflix.access.api_keys import create_key
from tetraflix.models import ApiKey

KEYS = "/admin/tetraflix/apikey/"
ADDED = {"name": "Studio", "role": "distributor"}


def shown(response: Any) -> str | None:
    """The new key, if the page shows one."""
    found = re.search(r'id="secret">(tf[ds]_\w+_[\w-]+)<', response.content.decode())
    return found and found[1]


def revoke(client: Client, *ids: int, **more: str) -> Any:
    form = {"action": "revoke", "index": "0", "select_across": "0", "_selected_action": list(map(str, ids))}
    return client.post(KEYS, form | more, follow=True)


def test_a_new_key_is_shown_once_and_works_until_revoked(boss: Client):
    made = boss.post(KEYS + "add/", ADDED)
    row = ApiKey.objects.get()
    page = f"{KEYS}{row.pk}/change/"
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
    cookie = made.cookies[keys_admin.NEW_KEY]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (made["Location"], True, "Strict")
    assert cookie["max-age"] == 60
    assert cookie.value not in made["Location"]
    gone = boss.get(made["Location"]).cookies[keys_admin.NEW_KEY]
    assert (gone.value, gone["path"], gone["max-age"]) == ("", made["Location"], 0)
    _, secret = create_key(name="Other", role="service")
    for planted in ("tfd_planted", secret, "<script>"):
        boss.cookies[keys_admin.NEW_KEY] = planted
        page = boss.get(f"{KEYS}{row.pk}/change/")
        assert shown(page) is None
        assert planted not in page.content.decode()


def test_the_page_of_a_key_shows_who_created_and_who_revoked_it(boss: Client):
    boss.post(KEYS + "add/", ADDED)
    row = ApiKey.objects.get()
    page = boss.get(f"{KEYS}{row.pk}/change/").content.decode()
    for text in (
        "Studio",
        "Distributor",
        row.lookup,
        f"{row.created:%Y-%m-%d %H:%M} by staff:boss",
        "never",
        "in use",
        "Revoke this key",
    ):
        assert text in page
    revoke(boss, row.pk, sure="yes")
    row.refresh_from_db()
    page = boss.get(f"{KEYS}{row.pk}/change/").content.decode()
    assert f"revoked {row.revoked_at:%Y-%m-%d %H:%M} by staff:boss" in page
    assert "Revoke this key" not in page
    assert "Revoked." in boss.get(f"{KEYS}{row.pk}/history/").content.decode()
    assert says(revoke(boss, row.pk)) == ["Nothing was revoked, because no active key is selected."]


def test_the_confirmation_revokes_exactly_the_keys_that_it_lists(boss: Client):
    first, _ = create_key(name="First", role="service")
    second, _ = create_key(name="Second", role="service")
    asked = revoke(boss, first.pk, select_across="1")
    ids = re.findall(r'name="_selected_action" value="(\d+)"', asked.content.decode())
    assert sorted(ids) == [str(first.pk), str(second.pk)]
    assert 'name="select_across" value="0"' in asked.content.decode()
    create_key(name="Third", role="service")
    assert says(revoke(boss, *map(int, ids), sure="yes")) == ["2 API keys revoked, effective now."]
    assert [key.name for key in ApiKey.objects.filter(revoked_at=None)] == ["Third"]


def test_a_key_is_neither_changed_nor_deleted_here(boss: Client):
    boss.post(KEYS + "add/", ADDED)
    row = ApiKey.objects.get()
    assert boss.post(f"{KEYS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert boss.post(f"{KEYS}{row.pk}/change/", {"name": "Else", "role": "service"}).status_code == 403
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
    monkeypatch.setattr(keys_admin, "checked_name", str.strip)
    monkeypatch.setattr(api_keys, "checked_name", str.strip)
    assert says(boss.post(KEYS + "add/", ADDED, follow=True)) == [taken]
    assert ApiKey.objects.count() == 1


def test_creating_keys_needs_permission_to_view_them(db: None, plain_static_files: None):
    user = User.objects.create_user("adder", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="add_apikey"))
    client = Client()
    client.force_login(user)
    assert client.post(KEYS + "add/", ADDED).status_code == 403
    assert ApiKey.objects.count() == 0
