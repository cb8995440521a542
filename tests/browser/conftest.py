"""A headless Chromium, and a superuser to log in as."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from django.contrib.auth.models import User
from django.db import connections
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORD = "correct horse battery staple"


@dataclass
class Visit:
    """A page of the browser, and the errors that it reported."""

    page: Page
    host: str
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._on_console)
        self.page.on("request", self._on_request)

    def _on_console(self, message) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(message.text)

    def _on_request(self, request) -> None:
        if not request.url.startswith((self.host, "data:")):
            self.errors.append(f"a request to another host: {request.url}")

    def open(self, path: str) -> Page:
        self.page.goto(self.host + path)
        return self.page

    def log_in(self, path: str) -> Page:
        self.open(f"/admin/login/?next={path}")
        self.page.fill("[name=username]", "boss")
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("form button[type=submit]")
        self.page.wait_for_url(f"{self.host}{path}")
        return self.page

    def fits(self) -> bool:
        """Whether the page fits the width of the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a file; each test's windows share nothing with those of another."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt install chromium")
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        # because of playwright's event loop, Django takes the tests for asynchronous
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
        # Django opened another connection inside playwright's event loop
        connections.close_all()


@pytest.fixture
def visit(
    settings: Settings, chromium: Browser, live_server: LiveServer, queues: object
) -> Iterator[Callable[[int], Visit]]:
    """Opens a window of a given width on the running service."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    # the real one takes half a second for each login, on purpose
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    User.objects.create_superuser("boss", password=PASSWORD)
    windows: list[Page] = []

    def opened(width: int) -> Visit:
        windows.append(chromium.new_page(viewport={"width": width, "height": 900}))
        return Visit(windows[-1], live_server.url)

    yield opened
    for window in windows:
        window.close()
