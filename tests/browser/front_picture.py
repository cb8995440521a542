"""Makes docs/front-page.png from the page at `/`, with the reason for one of its movies, in an installed Chromium.

While `make demo` runs: `.venv/bin/python -m tests.browser.front_picture [FOLDER]`. Into another FOLDER it makes
pictures of the whole page and of the panel, at 1440 and 390 px.
"""

import os
import shutil
import sys
from pathlib import Path

import django
from django.conf import settings
from playwright.sync_api import Page, sync_playwright

from tests.browser.pictures import DOCS, HEIGHT, WIDTHS

PLACE = 14  # of the recommended movie that is explained: some movies are left out before it
SECONDS = 120  # for the demo to load its movies, and for a picture on a busy machine


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tetraflix.settings")
    django.setup()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for width in WIDTHS[:1] if folder == DOCS else WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": HEIGHT})
            open_page(page)
            if folder != DOCS:
                page.screenshot(
                    path=folder / f"front-page-{width}.png", full_page=True, timeout=1000 * SECONDS
                )
            explain(page)
            name = "front-page.png" if folder == DOCS else f"why-{width}.png"
            page.screenshot(path=folder / name, animations="disabled", timeout=1000 * SECONDS)
        browser.close()


def open_page(page: Page) -> None:
    page.goto(f"{settings.WEB_URL}/")
    page.locator("#row-like .card").first.wait_for(timeout=1000 * SECONDS)
    page.locator("#row-top-3 .card").first.wait_for()


def explain(page: Page) -> None:
    tile = page.locator("#row-recommendations .tile").nth(PLACE)
    tile.evaluate(
        "tile => tile.click()"
    )  # without scrolling, so that the first title is seen behind the panel
    page.locator("#why tbody tr").first.wait_for(timeout=1000 * SECONDS)


if __name__ == "__main__":
    main()
