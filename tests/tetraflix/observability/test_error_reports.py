"""Errors reach Sentry when a DSN is set: with their request id, without keys, queries or variables."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

# One request that fails inside a view, as a web process would serve it.
FAILING = """
import django
django.setup()
import sentry_sdk
from django.http import HttpRequest
from django.test import Client
from movies.api.reads import GenreView

def get(self, request, genre):
    held = 6 * 7
    raise ValueError("something broke")

GenreView.get = get
client = Client(raise_request_exception=False)
answer = client.get(
    "/tetraflix/genre/drama?user=private",
    headers={"host": "127.0.0.1", "x-request-id": "gateway-7", "authorization": "Bearer private"},
)
print(answer.status_code, sentry_sdk.is_initialized())
sentry_sdk.flush(5)
"""


class Sentry(BaseHTTPRequestHandler):
    """Accepts envelopes like Sentry's ingest."""

    events: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        for line in body.splitlines():
            item = json.loads(line)
            if "exception" in item:
                self.events.append(item)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def sentry() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The DSN of a Sentry for this test, and the events that it has received."""
    events: list[dict[str, Any]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (Sentry,), {"events": events}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://key@127.0.0.1:{server.server_port}/1", events
    server.shutdown()
    server.server_close()


def fail(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", FAILING],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tetraflix.settings"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_an_error_is_sent_with_its_request_id_and_nothing_private(
    sentry: tuple[str, list[dict[str, Any]]],
) -> None:
    dsn, events = sentry
    assert fail(SENTRY_DSN=dsn) == "500 True\n"
    assert {event["exception"]["values"][-1]["value"] for event in events} == {"something broke"}
    assert {event["tags"]["request_id"] for event in events} == {"gateway-7"}
    sent = json.dumps(events)
    assert "private" not in sent
    assert '"held"' not in sent


def test_nothing_of_sentry_starts_without_a_dsn() -> None:
    assert fail(SENTRY_DSN="") == "500 False\n"
