"""Makes docs/experiment.png from the page of a simulated experiment, in an installed Chromium.

While `make demo` runs, and after `manage.py simulate_experiment`, with the password that the demo printed:
`PASSWORD=... .venv/bin/python -m tests.browser.pictures [FOLDER]`. Into another FOLDER it makes pictures of the whole
page, at 1440 and 390 px, light and dark.
"""

import os
import shutil
import sys
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from playwright.sync_api import Page, sync_playwright

NAME = "simulated"
DOCS = Path(__file__).parents[2] / "docs"
HEIGHT = 1000  # of the picture in the docs, as of the others
WIDTHS = (1440, 390)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tetraflix.settings")
    django.setup()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    experiment = apps.get_model("recommendations", "Experiment").objects.get(name=NAME)
    path = f"/admin/recommendations/experiment/{experiment.pk}/change/"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTHS[0], "height": HEIGHT})
        log_in(page, path)
        if folder == DOCS:
            page.screenshot(path=DOCS / "experiment.png")
        else:
            all_of_them(page, folder)
        browser.close()


def log_in(page: Page, path: str) -> None:
    page.goto(f"{settings.WEB_URL}/admin/login/?next={path}")
    page.fill("[name=username]", "demo")
    page.fill("[name=password]", os.environ["PASSWORD"])
    page.click("form button[type=submit]")
    page.wait_for_url(f"{settings.WEB_URL}{path}")
    page.get_by_text(NAME).first.wait_for()  # the page, not an error
    page.wait_for_load_state("networkidle")


def all_of_them(page: Page, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.reload(wait_until="networkidle")
            page.screenshot(path=folder / f"experiment-{width}-{scheme}.png", full_page=True)


if __name__ == "__main__":
    main()
