"""Calls of the API pass no middleware that only pages need; pages pass all of it."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from tetraflix.web.api_shortcut import ApiShortcut

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def pages(request: HttpRequest) -> HttpResponse:
    return HttpResponse("the middleware of pages")


@pytest.mark.parametrize(
    ("path", "is_page"),
    [
        ("/", True),
        ("/admin/", True),
        ("/tetraflix", True),
        ("/tetraflix/docs", True),
        ("/tetraflix/nothing", False),
        ("/tetraflix/genre/noir", False),
    ],
)
def test_which_addresses_are_pages(path: str, is_page: bool):
    response = ApiShortcut(pages)(RequestFactory().get(path))
    assert (getattr(response, "content", None) == b"the middleware of pages") is is_page
    assert is_page or response.status_code == 404


def test_an_answer_of_the_api_has_the_security_headers_but_that_of_frames(client: Client):
    response = client.get("/tetraflix/nothing")
    assert response.status_code == 404
    assert {name: response[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "X-Frame-Options" not in response
    assert response["Content-Length"] == str(len(response.content))


def test_a_page_has_all_of_them(client: Client):
    response = client.get("/nothing")
    assert {name: response[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert response["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/tetraflix/nothing", "/nothing"])
def test_a_host_that_is_not_allowed_is_refused(client: Client, path: str, settings: Settings):
    settings.ALLOWED_HOSTS = ["tetraflix.example"]
    assert client.get(path, headers={"host": "evil.example"}).status_code == 400
    assert client.get(path, headers={"host": "tetraflix.example"}).status_code == 404


@pytest.mark.django_db
def test_forms_need_a_csrf_token_and_calls_of_the_api_a_key():
    client = Client(enforce_csrf_checks=True)
    assert client.post("/admin/login/", {"username": "a", "password": "b"}).status_code == 403
    assert client.post("/tetraflix/movies", {}, content_type="application/json").status_code == 401
