"""Work of staff in a browser: bulk actions, exports, API keys and new colleagues."""

import subprocess
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from movies.models import Movie
from tests.browser.conftest import PASSWORD, Visit
from tests.movies.factories import movie
from tetraflix.models import ApiKey

pytestmark = pytest.mark.parametrize("width", [1440, 390])
Open = Callable[[int], Visit]


def test_ticked_movies_are_hidden_and_deleted_after_confirmation(visit: Open, width: int):
    for number in range(1, 4):
        movie(f"Movie {number}", movie_id=number, drama=100)
    window = visit(width)
    page = window.log_in("/admin/movies/movie/")
    page.locator("input.action-select").nth(1).check(force=True)
    page.select_option("select[name=action]", "hide")
    page.click("button:has-text('Run')")
    page.wait_for_selector("text=1 movie hidden.")
    assert list(Movie.objects.filter(hidden=True).values_list("id", flat=True)) == [2]

    window.open("/admin/movies/movie/?state=hidden")
    page.locator("input.action-select").first.check(force=True)
    page.select_option("select[name=action]", "delete")
    page.click("button:has-text('Run')")
    page.wait_for_selector("text=Delete 1 movie?")
    assert page.inner_text(".tf-card li") == "2: Movie 2"
    assert window.fits()
    page.click("text=Yes, delete")
    page.wait_for_selector("text=1 movie deleted.")
    assert sorted(Movie.objects.values_list("id", flat=True)) == [1, 3]
    assert window.errors == []


def test_an_export_shows_how_many_movies_it_has(visit: Open, width: int):
    movie("Kahaani", movie_id=1, drama=100)
    movie("Sholay", movie_id=2, western=100)
    window = visit(width)
    page = window.log_in("/admin/movies/movie/")
    window.open("/admin/movies/movie/?genre=western")
    page.wait_for_selector("text=Export 1 filtered movie as")
    page.click("button:has-text('CSV')")
    page.wait_for_selector("text=Download")
    assert page.inner_text(".tf-card h2").startswith("Export movies with Western as CSV")
    with page.expect_download() as download:
        page.click("text=Download")
    lines = download.value.path().read_bytes().decode().splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["Sholay"]
    assert window.fits()
    assert window.errors == []


def sent(command: str) -> str:
    """The status of the answer to a curl command of a page."""
    silent = f"{command} -s -o /dev/null -w '%{{http_code}}'"
    return subprocess.run(["sh", "-c", silent], capture_output=True, text=True, timeout=60, check=True).stdout


def test_a_key_is_shown_once_copied_tried_rolled_and_revoked(visit: Open, width: int):
    window = visit(width)
    page = window.log_in("/admin/tetraflix/apikey/add/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.fill("[name=name]", "Studio")
    page.select_option("[name=role]", "distributor")
    page.click("[name=_save]")
    page.wait_for_selector("#secret")
    key = page.inner_text("#secret")
    assert "tfd_" not in page.url
    page.click("text=Copy key")
    page.wait_for_selector("text=Copied")
    assert page.evaluate("navigator.clipboard.readText()") == key
    command = page.inner_text("#curl")
    assert sent(command) == "201"
    assert window.fits()
    page.reload()
    page.wait_for_selector("text=Roll this key")
    assert page.locator("#secret").count() == 0

    page.click("text=Roll this key")
    page.select_option("[name=keep]", "1h")
    assert window.fits()
    page.click("button:has-text('Roll key')")
    page.wait_for_selector("#secret")
    new_command = page.inner_text("#curl")
    assert [sent(command), sent(new_command)] == ["201", "201"]
    assert window.fits()

    page.click("text=Move its end")
    page.wait_for_selector("text=Undo the roll")
    assert window.fits()
    page.click("text=Revoke this key")
    page.wait_for_selector("text=Revoke the key Studio?")
    assert ApiKey.objects.filter(revoked_at=None).count() == 2
    page.click("text=Yes, revoke")
    page.wait_for_selector("text=1 API key revoked, effective now.")
    assert [sent(command), sent(new_command)] == ["401", "201"]
    assert window.fits()
    assert window.errors == []


def test_a_new_colleague_logs_in_and_sees_what_the_role_allows(visit: Open, width: int, roles: None):
    window = visit(width)
    page = window.log_in("/admin/auth/user/add/")
    page.fill("[name=username]", "ada")
    page.fill("[name=password1]", PASSWORD)
    page.fill("[name=password2]", PASSWORD)
    page.locator("label:has-text('viewer: ')").click()
    assert window.fits()
    page.click("[name=_save]")
    page.wait_for_url(f"**/user/{User.objects.get(username='ada').pk}/change/")
    page.wait_for_selector("text=ada can log in now, as viewer.")
    assert window.fits()
    page.context.clear_cookies()
    window.open("/admin/login/")
    page.fill("[name=username]", "ada")
    page.fill("[name=password]", PASSWORD)
    page.click("form button[type=submit]")
    page.wait_for_url(f"{window.host}/admin/")
    page.wait_for_selector("[data-tops]")
    assert page.locator("a[href='/admin/movies/movie/']").count() > 0
    assert page.locator("a[href='/admin/auth/user/']").count() == 0
    assert window.errors == []
