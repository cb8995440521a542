"""/tetraflix/docs in a browser: read a call, copy a sample, try it, and go back."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from movies.models import Movie
from tests.api.calling import Caller
from tests.browser.conftest import Visit
from tests.movies.factories import movie

Open = Callable[[int], Visit]


def grave_findings(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {rule['nodes']}" for rule in found if rule["impact"] in {"serious", "critical"}]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_developer_reads_a_call_and_tries_it(visit: Open, width: int, scheme: str):
    movie("Lord of the Rings", movie_id=7, action=40, fantasy=60)
    key = Caller("distributor").key
    window = visit(width)
    window.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page = window.open("/tetraflix/docs")
    expect(page.get_by_role("heading", name="Keys and roles")).to_be_visible()
    expect(page.locator(".opblock")).to_have_count(17)
    rows = page.locator(".opblock-summary-control")
    expect(rows.filter(has_text="A user's two lists")).to_contain_text("no key")
    expect(rows.filter(has_text="Add a movie, or up to 1,000")).to_contain_text("distributor")

    # a link to a call opens it, with its samples and its own answers first
    window.open("/tetraflix/docs#/For%20distributors/patchMovie")
    call = page.locator("[id$='-patchMovie']")
    sample = call.locator(".samples pre")
    expect(sample).to_contain_text(f'curl -X PATCH "{window.host}/tetraflix/movies/7"')
    call.get_by_role("button", name="Python").click()
    expect(sample).to_contain_text(f'requests.patch(\n    "{window.host}/tetraflix/movies/7"')
    expect(call.get_by_role("button", name="Python")).to_have_attribute("aria-pressed", "true")
    expect(call.locator(".responses-table tbody > .response .response-col_status")).to_have_text(
        ["200", "400", "404", "409", "412"]
    )
    expect(call.get_by_text("Errors of many calls: 401, 403, 411, 413, 415, 429, 503")).to_be_visible()

    # with a key, the call is made
    page.get_by_role("button", name="Authorize").first.click()
    page.locator("#auth-bearer-value").first.fill(key)
    page.locator(".auth-btn-wrapper").first.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").first.click()
    call.get_by_role("button", name="Try it out").click()
    assert grave_findings(page) == []
    call.get_by_role("button", name="Execute").click()
    expect(call.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    assert Movie.objects.get(id=7).hidden
    assert window.fits()

    page.get_by_role("link", name="Front page").click()
    expect(page).to_have_url(f"{window.host}/")
    assert window.errors == []
