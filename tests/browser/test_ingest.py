"""Messages and dead letters in a browser: found by user, edited and redriven, discarded and undone."""

from collections.abc import Callable

import pytest

from sessions_ingest import dead_letters
from sessions_ingest.message_log import log
from tests.browser.conftest import Visit
from tests.servers.queues import Queues
from tests.sessions_ingest.dead_letter_helpers import dead_letter, receive
from tests.sessions_ingest.message_log.records import recorded

pytestmark = pytest.mark.parametrize("width", [1440, 390])
Open = Callable[[int], Visit]
DEAD_LETTERS = "/admin/sessions_ingest/deadletteract/"
MESSAGES = "/admin/sessions_ingest/recordedmessages/"


def test_a_dead_letter_is_edited_and_redriven_and_another_discarded_and_undone(
    visit: Open, width: int, queues: Queues
):
    wrong = '{"userId": 7, "events": [{"movie": {"id": 1}, "progress": 5}]}'
    for _ in range(2):
        dead_letter(queues.session, wrong, reason="events[0].progress: 5 is not between 0 and 1")
    window = visit(width)
    page = window.log_in(DEAD_LETTERS)
    assert page.locator("summary b").first.inner_text() == "2"
    assert page.locator("summary .tf-state").first.inner_text() == "comes back"
    assert window.fits()
    page.click("text=Edit and redrive >> nth=0")
    page.wait_for_selector("text=The consumer refuses this body: events[0].progress: 5")
    page.click("text=Check and redrive")
    page.wait_for_selector("text=The consumer refuses this body: events[0].progress: 5")
    page.fill("#body", page.input_value("#body").replace('"progress": 5', '"progress": 0.5'))
    assert window.fits()
    page.click("text=Check and redrive")
    page.wait_for_selector(f"text=1 edited and redriven to {queues.session.name}.")
    page.wait_for_selector(f"text={queues.session.name}: 1 dead letter")
    (redriven,) = receive(queues.session)
    assert '"progress": 0.5' in redriven.body

    page.check("[data-all]")
    assert page.is_checked("[name=id]")
    page.click("text=Discard selected")
    page.wait_for_selector(f"text=Discard 1 dead letter of {queues.session.name}?")
    assert window.fits()
    page.click("text=Yes, discard")
    page.wait_for_selector(f"text={queues.session.name}: 0 dead letters")
    assert window.fits()
    page.click("a:has-text('Undo')")
    page.click("text=Yes, undo")
    page.wait_for_selector("text=1 back in the dead-letter queue.")
    assert [letter.body for letter in dead_letters.peek(queues.session.name)] == [wrong]
    assert window.errors == []


def test_messages_are_found_by_user_and_say_what_became_of_them(visit: Open, width: int, queues: Queues):
    records = [recorded(number, user=number, movies=(1, 2, 3, 4)) for number in (7, 8)]
    log.write({queues.session.name: records}, 1000)
    window = visit(width)
    page = window.log_in(MESSAGES)
    assert page.locator(".tf-table tbody tr").count() == 2
    assert window.fits()
    page.fill("#user", "7")
    page.click("text=Find")
    page.wait_for_selector("text=outcome of 7")
    assert page.locator(".tf-table tbody tr").count() == 1
    page.click("summary:has-text('body')")
    page.wait_for_selector("pre:has-text('{\"number\": 7}')")
    assert window.fits()
    page.click("text=dead-lettered 0")
    page.wait_for_selector("text=None of the last messages matches.")
    page.click("text=Show all")
    page.wait_for_selector("text=outcome of 8")
    assert window.fits()
    assert window.errors == []
