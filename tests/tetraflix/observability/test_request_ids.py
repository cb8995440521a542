"""A request's id is in its response, its log lines, its change records and its tasks."""

import base64
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from celery import shared_task
from celery.app.trace import build_tracer
from django.conf import settings as configured
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.client import RequestFactory
from pytest_django import Settings

from movies.inventory.services import add_movie
from movies.models import MovieChange
from movies.outbox import bus
from tests.waiting import wait_until
from tetraflix.celery import app
from tetraflix.observability import logs, request_ids
from tetraflix.web.request_instrumentation import observe

DRAMA = [0] * 4 + [100] + [0] * 10


class Lines(logging.Handler):
    """The log of this process as `LOG_FORMAT=json` prints it."""

    def __init__(self) -> None:
        super().__init__()
        self.formatter = logs.formatter("json")
        self.lines: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def lines() -> Iterator[list[dict[str, object]]]:
    handler = Lines()
    logging.getLogger().addHandler(handler)
    yield handler.lines
    logging.getLogger().removeHandler(handler)


def test_the_response_has_the_id_of_the_caller(client: Client) -> None:
    assert (
        client.get("/healthz", headers={"x-request-id": "gateway-7/a.b"})["X-Request-Id"] == "gateway-7/a.b"
    )


def test_a_request_without_an_id_gets_its_own(client: Client) -> None:
    ids = [client.get("/healthz")["X-Request-Id"] for _ in range(3)]
    assert len(set(ids)) == 3


def test_a_forked_process_has_ids_of_its_own() -> None:
    parts = (
        "import os; from tetraflix.observability.request_ids import accept_or_create;"
        " child = os.fork(); child and os.waitpid(child, 0);"
        " print(accept_or_create(None), flush=True)"  # one after the other, so that their lines cannot mix
    )
    done = subprocess.run(
        [sys.executable, "-c", parts], check=True, capture_output=True, text=True, timeout=30
    )
    first, second = done.stdout.split()
    assert first != second


@pytest.mark.parametrize("unfit", ["", "two\nlines", 'quo"te', "é", "x" * 129])
def test_an_id_that_is_not_safe_to_log_is_replaced(unfit: str) -> None:
    made = request_ids.accept_or_create(unfit)
    assert made != unfit
    assert request_ids.accept_or_create(made) == made


def test_every_log_line_of_a_request_has_its_id_and_no_line_after_it(lines: list[dict[str, object]]) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        logging.getLogger("movies.api").warning("found %s of %d", "one", 2)
        return HttpResponse()

    observe(view)(RequestFactory().get("/", headers={"x-request-id": "gateway-7"}))
    logging.getLogger("movies.api").warning("later")

    of_the_request, later = lines
    assert of_the_request.pop("timestamp")
    assert of_the_request == {
        "message": "found one of 2", "level": "warning", "logger": "movies.api", "request_id": "gateway-7",
    }  # fmt: skip
    assert "request_id" not in later


@pytest.mark.django_db
def test_a_change_record_has_the_id() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        add_movie(actor="key:x", title="One", profile=DRAMA)
        return HttpResponse()

    observe(view)(RequestFactory().get("/", headers={"x-request-id": "gateway-7"}))
    assert MovieChange.objects.get().request_id == "gateway-7"


@shared_task(name="tests.current_id")
def current_id() -> str:
    return request_ids.current()


def test_a_task_carries_the_id_over_the_broker(sqs: object) -> None:
    bus.ensure_queues()
    url = bus.shared_client().get_queue_url(QueueName=configured.CELERY_QUEUE)["QueueUrl"]
    bus.shared_client().purge_queue(QueueUrl=url)

    def view(request: HttpRequest) -> HttpResponse:
        current_id.delay()
        return HttpResponse()

    observe(view)(RequestFactory().get("/", headers={"x-request-id": "gateway-7"}))
    received: list[dict[str, Any]] = []

    def task_arrived() -> bool:
        """A waker of an earlier test may still send its own task."""
        messages = bus.shared_client().receive_message(QueueUrl=url).get("Messages", [])
        received.extend(json.loads(base64.b64decode(message["Body"]))["headers"] for message in messages)
        return any(headers["task"] == "tests.current_id" for headers in received)

    wait_until(task_arrived, seconds=60)
    assert [headers["request_id"] for headers in received if headers["task"] == "tests.current_id"] == [
        "gateway-7"
    ]


def test_a_task_has_the_id_of_its_request_or_else_its_own() -> None:
    # the headers as the test above saw them, given to the task as a worker does
    trace = build_tracer(current_id.name, current_id, app=app)
    assert trace("task-1", [], {}, {"id": "task-1", "request_id": "gateway-7"}).retval == "gateway-7"
    assert current_id.apply(task_id="task-2").result == "task-2"
    assert request_ids.current() == ""


def test_a_slow_request_is_logged_and_a_quick_one_is_not(
    lines: list[dict[str, object]], settings: Settings
) -> None:
    observe(lambda request: HttpResponse())(RequestFactory().get("/quick"))
    settings.SLOW_REQUEST_MS = -1
    observe(lambda request: HttpResponse(status=201))(
        RequestFactory().post("/slow?who=private", headers={"x-request-id": "gateway-7"})
    )
    [line] = lines
    assert line.pop("timestamp")
    assert isinstance(line.pop("milliseconds"), float)
    assert line == {
        "message": "slow request", "level": "warning", "logger": "tetraflix.web.request_instrumentation",
        "request_id": "gateway-7", "method": "POST", "path": "/slow", "route": "none", "status": 201,
    }  # fmt: skip


def test_a_sample_of_all_requests_is_logged_when_set(
    lines: list[dict[str, object]], settings: Settings
) -> None:
    settings.REQUEST_LOG_SAMPLE = 1.0
    observe(lambda request: HttpResponse())(RequestFactory().get("/quick"))
    assert [(line["message"], line["path"]) for line in lines] == [("request", "/quick")]
