"""The dashboard in a browser, at the width of a desktop and of a phone, and on paper."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from movies.outbox import bus
from movies.viewing.popularity import refresh
from sessions_ingest.models import IngestMinute
from tests.api.calling import Caller
from tests.browser.conftest import Visit
from tests.browser.test_admin import drawn
from tests.movies.factories import movie
from tetraflix.background import heartbeats
from tetraflix.backoffice import concentration_panel, experiment_panel
from tetraflix.health import service_state

Open = Callable[[int], Visit]
WIDTHS = [1440, 390]
A4_WIDTH = 703  # pixels between margins of 12 mm
DARK = ["rgb(23, 27, 35)", "rgb(236, 238, 242)"]
WHITE = ["rgb(255, 255, 255)", "rgb(29, 33, 41)"]
FINISHED = {"movie": {"id": 1}, "progress": 1}


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    service_state.forget()
    concentration_panel.forget()
    experiment_panel.forget()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_dashboard_draws_what_happens_and_updates(visit: Open, width: int):
    movie("Kahaani", movie_id=1, drama=60, horror=40)
    service = Caller("service")
    service("POST", "/tetraflix/sessionData", {"userId": 7, "events": [FINISHED]})
    service("POST", "/tetraflix/userRecs", {"userId": 9, "rec": [1]})
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    for ago in (1, 2, 3):
        IngestMinute.objects.create(
            minute=minute - timedelta(minutes=ago), queue=settings.SESSION_QUEUE, messages=5
        )
    refresh()
    window = visit(width)
    page = window.log_in("/admin/")
    page.wait_for_selector("[data-tops] li")
    assert page.inner_text("[data-value=views_today]") == "1"
    tops = page.locator("[data-tops] li")
    assert tops.all_inner_texts()[:3] == [
        "Kahaani 1",
        "Kahaani 1 (60% of 1)",
        "Kahaani 0 (40% of 1)",
    ]
    assert min(drawn(page, name) for name in ("views", "ingest")) > 3
    expect(page.locator("[data-queues] tr")).to_have_count(4)
    page.wait_for_selector("[data-concentration] a")
    rows = page.locator("[data-concentration] tr").all()
    assert [row.locator("th, td").all_inner_texts()[:6] for row in rows] == [
        [made_by, "1", "1", "100.00%", "100.00%", "Kahaani"] for made_by in ("all", "the bus")
    ]
    assert window.fits()
    service("POST", "/tetraflix/sessionData", {"userId": 8, "events": [FINISHED]})
    expect(page.locator("[data-value=views_today]")).to_have_text("2", timeout=60_000)
    assert window.errors == []


def test_the_page_is_printed_on_white_paper_also_in_the_dark_theme(visit: Open):
    window = visit(1440)
    window.page.emulate_media(color_scheme="dark")
    page = window.log_in("/admin/")
    assert colours(page, ".tf-verdict") == DARK
    page.set_viewport_size({"width": A4_WIDTH, "height": 900})
    page.emulate_media(color_scheme="dark", media="print")
    assert colours(page, ".tf-verdict") == WHITE
    expect(page.locator("[data-print]")).to_be_hidden()
    assert min(drawn(page, name) for name in ("views", "ingest")) > 3
    assert window.fits()


def colours(page: Page, selector: str) -> list[str]:
    """The colours of a part's paper and ink."""
    return page.eval_on_selector(
        selector, "part => [getComputedStyle(part).backgroundColor, getComputedStyle(part).color]"
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_a_dead_letter_turns_the_verdict_red_and_leads_to_its_page(
    visit: Open, monkeypatch: pytest.MonkeyPatch, width: int
):
    monkeypatch.setattr(heartbeats, "STALE_SECONDS", 3600.0)  # a browser takes its time on a busy machine
    heartbeats.record(*(process.name for process in heartbeats.expected()))
    refresh()
    window = visit(width)
    page = window.log_in("/admin/")
    expect(page.locator("#verdict")).to_have_text("All systems are healthy.")
    expect(page.locator("[data-chips] a, [data-chips] span.tf-chip")).to_have_count(7)
    assert page.locator(".tf-badge").count() == 0
    dead_url = bus.queue(settings.RECS_QUEUE).dead_url
    for _ in range(2):
        bus.shared_client().send_message(QueueUrl=dead_url, MessageBody="{}")
    expect(page.locator("#verdict")).to_have_text(
        f"1 problem: dead letters (2 in {settings.RECS_QUEUE}).", timeout=60_000
    )
    assert window.fits()
    page.click("[data-part=dead_letters]")
    page.wait_for_url("**/admin/sessions_ingest/deadletteract/")
    assert page.locator(".tf-badge").first.text_content() == "2"
    assert window.errors == []
