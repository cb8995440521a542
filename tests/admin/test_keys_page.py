"""API keys in the admin: shown once, revoked at once."""

import re

from django.test import Client

from tests.admin.forms import says
from tests.api.calling import LORD, Caller
from tetraflix.models import ApiKey

KEYS = "/admin/tetraflix/apikey/"


def test_a_new_key_is_shown_once_and_works_until_revoked(boss: Client):
    made = boss.post(KEYS + "add/", {"name": "Studio", "role": "distributor"})
    key = re.search(r'id="secret">(tfd_\w+_[\w-]+)<', made.content.decode())
    assert key
    assert "no-store" in made["Cache-Control"]
    studio = Caller(authorization=f"Bearer {key[1]}")
    assert studio("POST", "/tetraflix/movies", LORD).status_code == 201
    row = ApiKey.objects.get()
    for page in (KEYS, f"{KEYS}{row.pk}/change/"):
        shown = boss.get(page).content.decode()
        assert row.lookup in shown
        assert key[1] not in shown

    revoked = boss.post(KEYS, {"action": "revoke", "_selected_action": [str(row.pk)]}, follow=True)
    assert says(revoked) == ["1 revoked: refused from the next request on."]
    assert studio("POST", "/tetraflix/movies", LORD).status_code == 401


def test_a_key_is_neither_changed_nor_deleted_here(boss: Client):
    boss.post(KEYS + "add/", {"name": "Studio", "role": "distributor"})
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
