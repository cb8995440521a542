"""The home page follows the lists of the user that it shows, without a reload."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.api.calling import Caller
from tests.browser.conftest import Visit
from tests.movies.factories import movie

Open = Callable[[int], Visit]
USER = 7


def titles(page: Page, row: str) -> list[str]:
    return page.locator(f"#row-{row} .title").all_inner_texts()


def new_titles(page: Page, row: str) -> list[str]:
    return page.locator(f"#row-{row} .new .title").all_inner_texts()


@pytest.fixture
def service(visit: Open) -> Caller:
    """User 7 has movies 1 to 15 recommended and is watching none."""
    for number in range(1, 31):
        movie(f"Movie {number}", movie_id=number, drama=100)
    service = Caller("service")
    service("POST", "/tetraflix/userRecs", {"userId": USER, "rec": list(range(1, 16))})
    return service


def next_polls(page: Page, number: int) -> None:
    for _ in range(number):
        with page.expect_response(f"**/tetraflix/recommendations/{USER}", timeout=60_000):
            pass


@pytest.mark.parametrize("width", [390, 1440])
def test_changed_lists_are_drawn_in_place_and_what_is_new_is_marked(visit: Open, service: Caller, width: int):
    window = visit(width)
    page = window.open(f"/#user={USER}")
    row = page.locator("#row-recommendations .cards")
    expect(row.locator(".card")).to_have_count(15)
    assert new_titles(page, "recommendations") == []
    row.locator("[data-movie='3'] .tile").focus()
    row.evaluate("row => { row.scrollLeft = 300; }")
    place = row.evaluate("row => row.scrollLeft")
    assert place > 0

    begun = {"movie": {"id": 2}, "progress": 0.4}
    service("POST", "/tetraflix/sessionData", {"userId": USER, "events": [begun]})
    service("POST", "/tetraflix/userRecs", {"userId": USER, "rec": [30, *range(1, 15)]})
    expect(page.locator("#row-recommendations .new")).to_have_count(1, timeout=60_000)

    assert titles(page, "recommendations")[:3] == ["Movie 30", "Movie 1", "Movie 3"]
    assert new_titles(page, "recommendations") == ["Movie 30"]
    assert (titles(page, "watching"), new_titles(page, "watching")) == (["Movie 2"], ["Movie 2"])
    assert page.inner_text("#asked-recommendations").startswith("The lists changed at ")
    focused = "row => [row.scrollLeft, document.activeElement.closest('.card').dataset.movie]"
    assert row.evaluate(focused) == [place, "3"]
    assert window.fits()
    assert window.errors == []


def test_unchanged_lists_are_not_drawn_again(visit: Open, service: Caller):
    page = visit(1440).open(f"/#user={USER}")
    first = page.locator("#row-recommendations .card").first
    first.evaluate("card => { card.id = 'kept'; }")
    next_polls(page, 2)
    assert page.locator("#kept").count() == 1


def test_a_page_that_nobody_sees_does_not_ask(visit: Open, service: Caller):
    page = visit(1440).open(f"/#user={USER}")
    expect(page.locator("#row-recommendations .card")).to_have_count(15)
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { get: () => window.unseen, configurable: true })"
    )
    page.evaluate("window.unseen = true")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("() => new Promise((done) => { window.setTimeout(done, 2 * FOLLOW_MS + 500); })")
    assert asked == []
    page.evaluate("window.unseen = false")
    next_polls(page, 1)


def test_another_user_is_followed_after_a_change_of_the_user(visit: Open, service: Caller):
    service("POST", "/tetraflix/userRecs", {"userId": 8, "rec": [21]})
    page = visit(1440).open(f"/#user={USER}")
    expect(page.locator("#row-recommendations .card")).to_have_count(15)
    page.fill("#user", "8")
    page.keyboard.press("Enter")
    expect(page.locator("#row-recommendations .card")).to_have_count(1)
    assert new_titles(page, "recommendations") == []
    service("POST", "/tetraflix/userRecs", {"userId": 8, "rec": [22, 21]})
    expect(page.locator("#row-recommendations .card")).to_have_count(2, timeout=60_000)
    assert new_titles(page, "recommendations") == ["Movie 22"]


def test_nothing_moves_for_those_who_asked_for_less_motion(visit: Open, service: Caller):
    page = visit(1440).page
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{visit(390).host}/#user={USER}")
    expect(page.locator("#row-recommendations .card")).to_have_count(15)
    service("POST", "/tetraflix/userRecs", {"userId": USER, "rec": [30, 1]})
    poster = page.locator("#row-recommendations .new .poster")
    expect(poster).to_have_count(1, timeout=60_000)
    assert poster.evaluate("poster => getComputedStyle(poster).animationName") == "none"
    assert poster.evaluate("poster => getComputedStyle(poster, '::before').content") == '"new"'
