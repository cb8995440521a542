"""`GET /tetraflix/docs`: what the page says about this service, and that it asks no other host."""

import re

import pytest
from pytest_django import Settings

from tests.api.calling import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(plain_static_files: None, anybody: Caller) -> str:
    answer = anybody("GET", "/tetraflix/docs")
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_asks_no_other_host_and_carries_no_script(page: str):
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//[^\"]*", page) == []
    assert re.findall(r"<script>", page) == []


def test_it_says_how_to_reach_the_service(page: str):
    assert "<code>http://testserver/tetraflix</code>" in page
    assert "Reads need no key" in page
    for name in (
        "sessionData",
        "userRecs",
        "movieChanges",
        "Idempotency-Key",
        "Retry-After",
        "1,200 a minute",
    ):
        assert name in page


def test_it_leads_to_the_front_page_and_the_admin(page: str):
    assert '<html lang="en">' in page
    assert {"/", "/admin/", "/tetraflix/schema"} <= set(re.findall(r'href="([^"]+)"', page))


def test_it_lists_every_call_under_its_readers(page: str):
    links = re.findall(r'href="#/([^"/]+)/(\w+)"', page)
    assert len(set(links)) == 17
    assert ("For%20distributors", "addMovies") in links


def test_it_follows_the_settings(plain_static_files: None, anybody: Caller, settings: Settings):
    settings.READS_NEED_KEY = True
    settings.SESSION_QUEUE = "sessions.fifo"
    settings.EMBEDDED_SQS = False
    settings.SQS_ENDPOINT = "http://sqs.internal:9324"
    page = anybody("GET", "/tetraflix/docs").content.decode()
    assert "Reads need no key" not in page
    assert 'QueueName="sessions.fifo"' in page
    assert 'MessageGroupId="5"' in page
    assert "sqs.internal" not in page
