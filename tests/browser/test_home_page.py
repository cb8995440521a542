"""The home page in a browser, at the width of a desktop and of a phone: rows, and why each movie is in them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pytest_django import Settings

from movies.foundation.numbers import MAX_BIGINT
from movies.viewing.popularity import refresh
from recommendations.recommender import refresh as own_lists
from tests.api.calling import Caller
from tests.browser.conftest import Visit
from tests.movies.factories import movie
from tetraflix.backoffice.site_data import NOT_ALLOWED

Open = Callable[[int], Visit]
USER = 7
DRAMAS = range(1, 31)
pytestmark = pytest.mark.parametrize("width", [1440, 390])


@pytest.fixture
def service(visit: Open, settings: Settings) -> Caller:
    """A demo in which user 7 is half through movie 2, finished movie 1, and has a list of our own."""
    settings.ENVIRONMENT = "demo"
    for number in DRAMAS:
        movie(f"Movie {number}", movie_id=number, drama=70 - number, thriller=30 + number)
    movie("Lord of the <b>Rings</b>", movie_id=40, fantasy=100)
    service = Caller("service")
    for viewer in DRAMAS:
        events = [{"movie": {"id": number}, "progress": 1} for number in DRAMAS if number <= viewer]
        service("POST", "/tetraflix/sessionData", {"userId": 1000 + viewer, "events": events})
    watched = [{"movie": {"id": 1}, "progress": 1}, {"movie": {"id": 2}, "progress": 0.3}]
    service("POST", "/tetraflix/sessionData", {"userId": USER, "events": watched})
    own_lists.refresh_changed(seconds=60)
    refresh()
    return service


def cards(page: Page, row: str) -> list[str]:
    return page.locator(f"#row-{row} .title").all_inner_texts()


def faults(page: Page) -> list[str]:
    """What axe-core finds on the page, of any severity."""
    return [rule["id"] for rule in Axe().run(page).response["violations"]]


def test_the_rows_of_a_user_and_why_a_movie_is_in_them(visit: Open, service: Caller, width: int):
    window = visit(width)
    page = window.open(f"/#user={USER}")
    expect(page.locator("#row-like .card")).to_have_count(20, timeout=60_000)
    expect(page.locator("#row-top-1 .card")).to_have_count(20)
    assert page.inner_text("#row-recommendations h2") == f"Recommended for user {USER}"
    assert cards(page, "watching") == ["Movie 2"]
    assert page.inner_text("#row-watching .note") == "#2 · 30% watched"
    assert cards(page, "recommendations")[:2] == ["Movie 3", "Movie 4"]
    assert page.inner_text("#hero h2") == "Movie 3"
    assert page.inner_text("#row-like h2") == f"Because user {USER} finished “Movie 1”"
    assert [page.inner_text(f"#row-top-{n} h2") for n in (1, 2)] == [
        "Popular in Drama",
        "Popular in Thriller",
    ]
    assert page.is_hidden("#row-top-3")
    visible = page.locator(".row:visible h2").all_inner_texts()
    assert visible[0] == "Continue watching"
    today = datetime.now(UTC).date()
    expect(page.locator("#live")).to_contain_text("views counted today")
    assert window.fits()
    assert faults(page) == []

    page.locator("#row-recommendations .tile").nth(1).click()
    panel = page.locator("#why")
    expect(panel.locator("h2")).to_have_text("Movie 4")
    expect(panel.locator("tbody tr")).to_have_count(15, timeout=60_000)
    assert panel.locator(".why-because li").all_inner_texts() == [
        f"Number 2 of 20 movies recommended to user {USER}.",
        "The list is our own, by the strategy mixture.",
    ]
    assert "list made" in panel.locator(".why-facts").inner_text()
    left_out = panel.locator(".why-left-out li").all_inner_texts()
    assert left_out[0].startswith(f"Movie 1: was finished at {today:%Y-}")
    assert left_out[1] == "Movie 2: is being watched."
    assert '"shownIn": "recommendations"' in panel.locator("pre").inner_text()
    assert panel.locator("tbody tr").first.locator("th").inner_text() in {"Drama", "Thriller"}
    assert window.fits()
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    assert page.evaluate("document.activeElement.closest('.card').dataset.movie") == "4"
    assert window.errors == []


def test_back_leads_through_users_genres_searches_and_explanations(visit: Open, service: Caller, width: int):
    window = visit(width)
    page = window.open(f"/#user={USER}")
    expect(page.locator("#row-recommendations .card")).to_have_count(20)
    page.click("#row-genre [data-genre=fantasy]")
    expect(page.locator("#row-genre .title")).to_have_text(["Lord of the <b>Rings</b>"])
    page.fill("#q", "lord of the rigns")
    page.keyboard.press("Enter")
    expect(page.locator("#row-search .title")).to_have_text(["Lord of the <b>Rings</b>"])
    page.click("#row-search .tile")
    expect(page.locator("#why .why-because li").first).to_have_text(
        "Found for “lord of the rigns”: its title is similar."
    )
    page.go_back()
    expect(page.locator("#why")).to_be_hidden()
    page.click("text=new user")
    expect(page.locator("#row-recommendations h2")).to_have_text("Recommended for user 534356757834")
    expect(page.locator("#row-watching")).to_be_hidden()
    page.fill("#user", "99999999999999999999")
    page.keyboard.press("Enter")
    expect(page.locator("#user-error")).to_have_text(f"A user is a whole number from 1 to {MAX_BIGINT}.")
    page.go_back()
    expect(page.locator("#row-recommendations h2")).to_have_text(f"Recommended for user {USER}")
    expect(page.locator("#row-search .title")).to_have_text(["Lord of the <b>Rings</b>"])
    page.go_back()
    expect(page.locator("#row-search")).to_be_hidden()
    page.go_back()
    expect(page.locator("#row-genre h2")).to_have_text("Popular in Action")
    page.go_forward()
    expect(page.locator("#row-genre h2")).to_have_text("Popular in Fantasy")
    page.reload()  # the address keeps the state
    expect(page.locator("#row-genre h2")).to_have_text("Popular in Fantasy")
    assert window.fits()
    assert window.errors == []


def test_a_row_is_moved_in_by_keys_and_by_arrows(visit: Open, service: Caller, width: int):
    window = visit(width)
    page = window.open(f"/#user={USER}")
    row = page.locator("#row-recommendations")
    expect(row.locator(".card")).to_have_count(20)
    assert row.locator(".tile[tabindex='0']").count() == 1
    row.locator(".tile").first.focus()
    for key, place in (("ArrowRight", 1), ("End", 19), ("ArrowRight", 19), ("ArrowLeft", 18), ("Home", 0)):
        page.keyboard.press(key)
        expect(row.locator(".tile").nth(place)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#why h2")).to_have_text("Movie 3")
    page.click("#why .close")
    expect(page.locator("#why")).to_be_hidden()
    if width == 1440:
        forward, back = row.get_by_label("Forward in this row"), row.get_by_label("Back in this row")
        expect(back).to_be_disabled()
        forward.click()
        expect(back).to_be_enabled()
        assert row.locator(".cards").evaluate("list => list.scrollLeft") > 0
    assert window.errors == []


def test_outside_of_a_demo_the_page_explains_itself_to_staff_alone(
    visit: Open, service: Caller, settings: Settings, width: int
):
    settings.ENVIRONMENT = "production"
    window = visit(width)
    page = window.open(f"/#user={USER}")
    expect(page.locator("#row-recommendations .card")).to_have_count(20)
    page.locator("#row-recommendations .tile").first.click()
    expect(page.locator("#why .wrong")).to_have_text(NOT_ALLOWED)
    assert page.is_hidden("#row-like")

    page = window.log_in("/admin/")
    page.goto(f"{window.host}/#user={USER}&why=recommendations.4")
    expect(page.locator("#why tbody tr")).to_have_count(15, timeout=60_000)
    assert window.errors == []
