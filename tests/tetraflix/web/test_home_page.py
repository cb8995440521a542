"""The home page: shows responses of the API, at two widths, and loads nothing from another host."""

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Page, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from movies.viewing.popularity import refresh
from recommendations import stores
from recommendations.recommender import changed_users
from recommendations.user_lists import UserLists
from tests.api.calling import Caller
from tests.movies.factories import movie

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def plain_static_files(settings: Settings) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes a page of a headless browser with a given width."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt install chromium")
    # playwright's loop makes Django think that the test is asynchronous
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield lambda width: browser.new_page(viewport={"width": width, "height": 900})
        browser.close()
        # within playwright's loop Django opened a connection of its own
        connections.close_all()


def errors_of(page: Page, host: str) -> list[str]:
    """Filled as the page runs: its errors, and its requests to other hosts."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: None if request.url.startswith(host) else found.append(request.url))
    return found


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_shows_any_users_rows_any_genre_and_a_search(
    plain_static_files: None, live_server: LiveServer, pages: Any, width: int
):
    movie("Lord of the <b>Rings</b>", movie_id=1, fantasy=100)
    movie("Kahaani", movie_id=2, thriller=60, drama=40)
    refresh()
    service = Caller("service")
    event = {"movie": {"id": 2}, "progress": 0.3}
    service("POST", "/tetraflix/sessionData", {"userId": 7, "events": [event]})
    service("POST", "/tetraflix/userRecs", {"userId": 7, "rec": [1]})

    page = pages(width)
    errors = errors_of(page, live_server.url)
    page.goto(live_server.url)
    page.wait_for_selector("#row-watching .card")
    assert page.inner_text("#row-recommendations h2") == "Recommended for user 7"
    assert page.locator("#row-recommendations .title").all_inner_texts() == ["Lord of the <b>Rings</b>"]
    assert page.inner_text("#row-watching .note") == "#2 · 30% watched"
    assert page.get_attribute("#row-watching .bar", "aria-label") == "Thriller 60%, Drama 40%"

    page.click("[data-genre=drama]")
    page.wait_for_selector("#row-genre :text('Kahaani')")
    assert page.inner_text("#row-genre h2") == "Popular in Drama"
    page.fill("#q", "lord of the rigns")
    page.keyboard.press("Enter")
    page.wait_for_selector("#row-search .card")
    assert page.locator("#row-search .title").all_inner_texts() == ["Lord of the <b>Rings</b>"]

    page.reload()  # the URL keeps the state
    page.wait_for_selector("#row-genre :text('Kahaani')")
    assert page.inner_text("#row-genre h2") == "Popular in Drama"
    page.click("text=new user")
    page.wait_for_selector("#row-watching .empty")
    assert page.locator("#row-recommendations .card").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert errors == []


def test_the_page_is_served_while_the_store_is_unavailable(
    db, plain_static_files: None, monkeypatch: pytest.MonkeyPatch, client
):
    stores.current().write([(7, UserLists())])
    assert b'data-user="7"' in client.get("/").content

    def unavailable(*args: object) -> None:
        raise stores.base.StoreUnavailable("unavailable")

    monkeypatch.setattr(type(stores.current()), "ids", unavailable)
    answer = client.get("/")
    assert (answer.status_code, b'data-user="7"' in answer.content) == (200, False)


def test_users_who_just_finished_a_movie_are_offered_first(db, plain_static_files: None, client):
    stores.current().write((user, UserLists()) for user in (3, 5, 7, 9))
    assert re.findall(r'data-user="(\d+)"', client.get("/").content.decode())[:-1] == ["3", "5", "7", "9"]
    changed_users.mark([7])
    changed_users.mark([1000])
    html = client.get("/").content.decode()
    assert re.findall(r'data-user="(\d+)"', html)[:-1] == ["1000", "7", "3", "5"]
    assert 'value="1000"' in html


def test_the_page_has_no_inline_script_or_style(db, plain_static_files: None, client):
    html = client.get("/").content.decode()
    assert "<style" not in html
    assert " style=" not in html
    assert html.count("<script") == html.count("<script src=") == 1


def test_the_page_is_read_only(db, plain_static_files: None, client):
    assert client.post("/").status_code == 405
