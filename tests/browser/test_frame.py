"""What all pages of the admin share: palette, keys, skip link, menu, environment, and print."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.movies.factories import movie

Open = Callable[[int], Visit]
WIDTHS = [1440, 390]


@pytest.mark.parametrize("width", WIDTHS)
def test_ctrl_k_leads_to_a_movie_a_user_and_a_page(visit: Open, width: int):
    movie("Lord of the Rings", movie_id=17, fantasy=100)
    window = visit(width)
    page = window.log_in("/admin/movies/job/")
    results, field = page.locator(".tf-found li"), page.locator("#search-input-command")
    page.keyboard.press("Control+k")
    expect(results.first).to_contain_text("Dashboard")
    page.keyboard.type("lord of the rigns")
    expect(results.first).to_contain_text("Movie 17")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/movies/movie/17/change/")
    assert window.fits()

    page.focus("[name=title]")
    page.keyboard.press("Control+k")  # from a field, too
    expect(field).to_be_focused()
    page.keyboard.type("17")
    expect(results).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/recommendations/userlists/17/")

    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    page.keyboard.type("zzzz")
    expect(page.locator("#command-results")).to_have_text("Nothing matches “zzzz”.")
    page.keyboard.press("Escape")
    expect(page.locator(".tf-palette")).to_be_hidden()
    assert window.errors == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_frame_works_by_keyboard(visit: Open, width: int):
    window = visit(width)
    page = window.log_in("/admin/movies/movie/")
    environment = "production" if width > 700 else "prod"
    expect(page.locator(".tf-environment")).to_have_text(environment, use_inner_text=True)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#searchbar")).to_be_focused()
    window.open("/admin/movies/job/")
    page.keyboard.press("/")  # no search here
    expect(page.locator(".tf-palette")).to_be_visible()
    page.keyboard.press("Escape")
    menu = page.get_by_role("button", name="Menu", exact=True).locator("visible=true")
    menu.press("Enter")
    links = page.get_by_role("link", name="Dead letters")
    expect(links).to_be_visible(visible=width < 1280)  # beside the page the menu is open until it is closed
    menu.press("Enter") if width > 1280 else page.get_by_role("button", name="Close menu").press("Enter")
    expect(links).to_be_visible(visible=width > 1280)
    if width > 1280:
        page.get_by_role("button", name="boss").press("Enter")
        page.get_by_role("button", name="Dark").press("Enter")
        expect(page.locator("html")).to_have_class(re.compile("dark"))
        page.keyboard.press("Escape")
        expect(page.locator("#account")).to_be_hidden()
    assert window.errors == []


def test_paper_shows_the_page_alone_on_white(visit: Open):
    movie("Kahaani", movie_id=1, thriller=100)
    window = visit(1440)
    page = window.log_in("/admin/movies/moviechange/")
    page.emulate_media(media="print", color_scheme="dark")
    page.reload()
    expect(page.locator("h1")).to_have_text("History")
    for hidden in ("#nav-sidebar", ".tf-skip", ".tf-environment", "header button"):
        expect(page.locator(hidden).locator("visible=true")).to_have_count(0)
    expect(page.locator("#main")).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(page.locator("h1")).to_have_css("color", "rgb(29, 33, 41)")
