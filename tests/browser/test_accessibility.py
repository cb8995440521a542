"""Every page, with data, is checked by axe-core in light and dark: no serious or critical finding.

One browser walks through all pages; a finding names the page, the rule and the elements.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page

from movies.inventory import services
from movies.models import Job
from movies.outbox import bus
from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from sessions_ingest import dead_letters
from sessions_ingest.message_log import log
from sessions_ingest.message_log.outcomes import STATES
from tests.admin.experiments import experiment_of_weeks
from tests.api.calling import Caller
from tests.browser.conftest import Visit
from tests.movies.factories import movie
from tests.sessions_ingest.dead_letter_helpers import dead_letter
from tests.sessions_ingest.message_log.records import recorded
from tetraflix.access.api_keys import create_key
from tetraflix.backoffice import concentration_panel, experiment_panel
from tetraflix.health import service_state

Open = Callable[[int], Visit]
Scheme = Literal["light", "dark"]
GRAVE = ("serious", "critical")
WIDTHS = [1440, 390]
MOVIES = "/admin/movies/movie/"
LISTS = "/admin/recommendations/userlists/"
EXPERIMENTS = "/admin/recommendations/experiment/"
DEAD_LETTERS = "/admin/sessions_ingest/deadletteract/"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Forgets the queues of another test, which the dashboard keeps for seconds."""
    service_state.forget()
    concentration_panel.forget()
    experiment_panel.forget()


def a_little_of_everything() -> dict[str, str]:
    """Fills each page with something; returns the addresses of pages with ids in them, by a name."""
    for number in range(1, 16):
        movie(f"Movie {number}", movie_id=number, drama=60, horror=40)
    services.change_movie(actor="staff:boss", movie_id=1, title="Kahaani", profile=[0, 100, *[0] * 13])
    services.hide_movies(actor="staff:boss", movie_ids=[2])
    service = Caller("service")
    watched = [{"movie": {"id": 3}, "progress": 0.3}, {"movie": {"id": 4}, "progress": 1}]
    service("POST", "/tetraflix/sessionData", {"userId": 7, "events": watched})
    service("POST", "/tetraflix/userRecs", {"userId": 7, "rec": [1, 5, 6]})
    service("PUT", "/tetraflix/dismissed/7/5", None)
    key, _ = create_key(name="partner", role="distributor", actor="staff:boss")
    job = Job.objects.create(
        kind=Job.Kind.EXPORT,
        state=Job.State.DONE,
        actor="staff:boss",
        request={"format": "csv"},
        result={"movies": 5, "bytes": 900},
    )
    running = experiment_of_weeks("weeks", users=60)
    draft = lifecycle.create("draft", Plan("another seed"), actor="staff:boss")
    boss = User.objects.get(username="boss")
    dead_letter(bus.queue(settings.SESSION_QUEUE), '{"userId": 0, "events": []}', reason="userId: 0 is not")
    dead_letters.discard(settings.SESSION_QUEUE, actor="staff:boss")
    dead_letter(bus.queue(settings.SESSION_QUEUE), '{"userId": 0, "events": []}', reason="userId: 0 is not")
    (letter,) = dead_letters.peek(settings.SESSION_QUEUE)
    log.write(
        {
            settings.SESSION_QUEUE: [
                recorded(n, state=STATES[n], user=n, movies=(1, 2, 3, 4)) for n in range(5)
            ]
        },
        1000,
    )
    return {
        "edit a dead letter": f"{DEAD_LETTERS}?edit={letter.id}&queue={letter.queue}",
        "a job": f"/admin/movies/job/{job.pk}/",
        "a key": f"/admin/tetraflix/apikey/{key.pk}/change/",
        "an experiment": f"{EXPERIMENTS}{running.pk}/change/",
        "a draft": f"{EXPERIMENTS}{draft.pk}/change/",
        "a person": f"/admin/auth/user/{boss.pk}/change/",
        "their history": f"/admin/auth/user/{boss.pk}/history/",
        "their password": f"/admin/auth/user/{boss.pk}/password/",
        "a role": f"/admin/auth/group/{Group.objects.get(name='editor').pk}/change/",
    }


# Beside those of the menu.
BELOW = {
    "no movies": f"{MOVIES}?q=zzzz",
    "filtered movies": f"{MOVIES}?genre=drama",
    "a movie": f"{MOVIES}1/change/",
    "its history": f"{MOVIES}1/history/",
    "its deletion": f"{MOVIES}1/delete/",
    "a movie that is gone": f"{MOVIES}999/change/",
    "a new movie": f"{MOVIES}add/",
    "import": f"{MOVIES}import/",
    "a user": f"{LISTS}7/",
    "a movie of a user": f"{LISTS}7/?movie=5",
    "a new experiment": f"{EXPERIMENTS}add/",
    "planner": "/admin/planner/",
    "messages of a user": "/admin/sessions_ingest/recordedmessages/?user=1",
    "no keys": "/admin/tetraflix/apikey/?q=zzzz",
    "a new key": "/admin/tetraflix/apikey/add/",
    "a new person": "/admin/auth/user/add/",
    "own password": "/admin/password_change/",
    "not found": "/admin/nothing/",
    "front page": "/",
    "front page of a user": "/?user=7",
    "docs": "/tetraflix/docs",
    "not found outside": "/nothing",
}


DRAWN_LATER = ("Dashboard", "front page", "front page of a user", "docs", "an experiment")  # by their scripts


def grave(page: Page, name: str, **options: object) -> Iterator[str]:
    # the elements of other results are not collected
    result = Axe().run(page, options={"resultTypes": ["violations"], **options})
    for violation in result.response["violations"]:
        if violation["impact"] in GRAVE:
            elements = [node["html"][:150] for node in violation["nodes"][:4]]
            yield f"{name}: {violation['id']}, {violation['help']}: {elements}"


# The theme of the admin looks at the scheme when a page is opened, and the colours of some elements change slowly.
SHOW = """dark => {
    if (document.querySelector("[x-data^=theme]")) document.documentElement.classList.toggle("dark", dark);
    document.getAnimations().forEach(one => one instanceof CSSTransition && one.finish());
}"""


def seen(page: Page, name: str, schemes: Sequence[Scheme]) -> Iterator[str]:
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.evaluate(SHOW, scheme == "dark")
        only = {} if scheme == schemes[0] else {"runOnly": ["color-contrast"]}  # the rest is the same
        yield from grave(page, f"{name}, {scheme}", **only)


@pytest.mark.timeout(900)  # about 80 runs of axe-core
@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_has_a_serious_finding_or_scrolls_sideways(visit: Open, roles: None, width: int):
    pages = BELOW | a_little_of_everything()
    # the colours are the same on a phone
    schemes: Sequence[Scheme] = ("light", "dark") if width > 700 else ("light",)
    window = visit(width)
    page = window.page
    found: list[str] = []
    window.open("/admin/login/")
    found += seen(page, "login", schemes)
    page.fill("[name=username]", "boss")
    page.fill("[name=password]", "wrong")
    page.click("form button[type=submit]")
    found += seen(page, "login refused", schemes)
    window.log_in("/admin/")
    for link in page.locator("#nav-sidebar ol a").all():
        address = link.get_attribute("href") or ""
        pages[address] = address
    for name, path in pages.items():
        page.goto(window.host + path, wait_until="networkidle" if name in DRAWN_LATER else "load")
        found += seen(page, name, schemes)
        if not window.fits():
            found.append(f"{name} scrolls sideways")
    window.open(pages["a key"])
    page.click("main button:has-text('Revoke')")
    page.wait_for_selector("text=No, go back")
    found += seen(page, "a question", schemes)
    page.keyboard.press("Control+k")
    page.wait_for_selector(".tf-found li.active")
    found += grave(page, "palette")
    assert found == []
