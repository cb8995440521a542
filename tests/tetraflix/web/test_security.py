"""Production settings pass Django's own checks, and pages load nothing from other hosts."""

import os
import subprocess
import sys

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from tetraflix.web.request_instrumentation import ADMIN_PAGES, PAGES, observe


def test_check_deploy_finds_no_issue_behind_https() -> None:
    environment = os.environ | {"BEHIND_HTTPS": "1", "ALLOWED_HOSTS": "tetraflix.example"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), (
        done.stderr
    )


@pytest.mark.parametrize(("path", "policy"), [("/", PAGES), ("/admin/movies/", ADMIN_PAGES)])
def test_pages_have_a_content_security_policy(path: str, policy: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("<p>")

    assert observe(view)(RequestFactory().get(path))["Content-Security-Policy"] == policy


def test_json_has_no_content_security_policy(client: Client) -> None:
    assert "Content-Security-Policy" not in client.get("/healthz")


def test_behind_https_plain_http_is_redirected_except_for_probes(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_HSTS_SECONDS = 60
    answer = client.get("/tetraflix/nothing")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/tetraflix/nothing")
    assert client.get("/healthz").status_code == 200
    through_the_proxy = client.get("/tetraflix/nothing", headers={"x-forwarded-proto": "https"})
    assert through_the_proxy.status_code == 404
    assert through_the_proxy["Strict-Transport-Security"] == "max-age=60"
