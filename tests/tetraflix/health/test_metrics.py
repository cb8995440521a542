"""/metrics: sums over all processes, every registered metric, and who may read it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from movies.models import Movie, PopularList
from movies.outbox import bus
from sessions_ingest.models import IngestMinute
from tests.servers.queues import Queues
from tetraflix.background import heartbeats, schedule
from tetraflix.health import background_cache, service_state
from tetraflix.health import scrape as scrape_module
from tetraflix.observability import metrics

pytestmark = pytest.mark.django_db

DRAMA = [0] * 4 + [100] + [0] * 10


def scrape(client: Client, **headers: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample: {(name, label values): value}."""
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200, response.content
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def test_requests_are_counted_by_endpoint_over_all_processes(client: Client) -> None:
    key = ("tetraflix_http_request_seconds_count", ("genre", "GET", "404"))
    before = scrape(client).get(key, 0)
    client.get("/tetraflix/genre/no-such-genre")
    other = """
import django; django.setup()
from django.test import Client
Client().get("/tetraflix/genre/no-such-genre", headers={"host": "127.0.0.1"})
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tetraflix.settings"}
    subprocess.run([sys.executable, "-c", other], check=True, env=environment)
    assert scrape(client)[key] == before + 2


def test_every_registered_metric_is_exposed_and_no_other(client: Client, queues: Queues) -> None:
    metrics.count_list_reads("found", 1)
    heartbeats.record("beat")
    schedule.claim_due({"a task": 5})
    PopularList.objects.create(genre="", movie_ids=[], refreshed_at=timezone.now())
    metrics.task_seconds.labels("a task", "SUCCESS").observe(1)
    client.get("/healthz")
    response = client.get("/metrics")
    exposed = {family.name for family in text_string_to_metric_families(response.content.decode())}
    assert exposed == {metrics.PREFIX + name for name in metrics.REGISTERED}


def test_an_unregistered_name_raises() -> None:
    with pytest.raises(metrics.UnknownMetric, match="requests_pre_second is not registered"):
        metrics.family("requests_pre_second", [])
    with pytest.raises(metrics.UnknownMetric):
        metrics.histogram("http_request_second")


def test_the_outbox_and_the_queues_are_measured(client: Client, queues: Queues, settings: Settings) -> None:
    Movie.objects.create(title="Waits", profile=DRAMA)
    bus.shared_client().send_message(QueueUrl=queues.session.dead_url, MessageBody="invalid")
    bus.shared_client().send_message(QueueUrl=queues.recs.url, MessageBody="waits")
    bus.shared_client().send_message(
        QueueUrl=bus.queue(settings.CELERY_QUEUE).dead_url, MessageBody="no task"
    )
    samples = scrape(client)
    assert samples["tetraflix_outbox_changes", ()] == 1
    assert samples["tetraflix_outbox_lag_seconds", ()] >= 0
    assert samples["tetraflix_recommender_users", ()] == 0
    assert samples["tetraflix_recommender_lag_seconds", ()] == 0
    assert samples["tetraflix_dead_letters", (settings.SESSION_QUEUE,)] == 1
    assert samples["tetraflix_queue_messages", (settings.RECS_QUEUE,)] == 1
    assert samples["tetraflix_dead_letters", (settings.CELERY_QUEUE,)] == 1
    assert samples["tetraflix_up", ("database",)] == samples["tetraflix_up", ("queue",)] == 1


def test_heartbeats_and_pending_tasks_are_measured(
    client: Client, queues: Queues, settings: Settings
) -> None:
    heartbeats.record("beat", heartbeats.receiver_name(settings.RECS_QUEUE), "another process")
    schedule.claim_due({"waits": 5, "done": 5})
    schedule.mark_done("done")
    names = {labels for name, labels in scrape(client) if name == "tetraflix_heartbeat_age_seconds"}
    assert names == {("beat",), (f"receiver of {settings.RECS_QUEUE}",)}
    assert [labels for name, labels in scrape(client) if name == "tetraflix_task_waiting_seconds"] == [
        ("waits",)
    ]


def test_the_last_whole_minute_of_ingest_is_measured(
    client: Client, queues: Queues, settings: Settings
) -> None:
    minute = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=1)
    for at in (minute - timedelta(minutes=1), minute, minute + timedelta(minutes=1)):
        IngestMinute.objects.create(
            minute=at, queue=settings.SESSION_QUEUE, messages=7, events=9, views=3, slowest_ms=40
        )
    samples = scrape(client)
    assert samples["tetraflix_ingest_messages_per_minute", (settings.SESSION_QUEUE,)] == 7
    assert samples["tetraflix_ingest_events_per_minute", (settings.SESSION_QUEUE,)] == 9
    assert samples["tetraflix_ingest_views_per_minute", (settings.SESSION_QUEUE,)] == 3
    assert samples["tetraflix_ingest_lag_seconds", (settings.SESSION_QUEUE,)] == 0.04
    assert samples["tetraflix_ingest_messages_per_minute", (settings.RECS_QUEUE,)] == 0


def test_without_the_database_its_metrics_are_missing_and_the_others_are_exposed(
    client: Client, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrape_module, "database_metrics", unavailable)
    samples = scrape(client)
    assert samples["tetraflix_up", ("database",)] == 0
    assert samples["tetraflix_up", ("queue",)] == 1
    assert any(name == "tetraflix_http_request_seconds_count" for name, _ in samples)


def test_a_scrape_is_a_fixed_number_of_statements(
    client: Client, queues: Queues, django_assert_num_queries: Any
) -> None:
    # the inventory, heartbeats, the outbox, changed users, pending tasks, the last minute of ingest
    with django_assert_num_queries(6):
        scrape(client)


def test_without_a_token_only_direct_local_requests_may_read(client: Client) -> None:
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="::1").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="").status_code == 403
    assert client.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"}).status_code == 403


def test_with_a_token_only_its_bearer_may_read(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = "of-the-scraper"
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"authorization": "Bearer of-another"}).status_code == 403
    good = {"authorization": "Bearer of-the-scraper"}
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7", headers=good).status_code == 200


def unavailable() -> Iterator[Metric]:
    raise OperationalError("unavailable")
    yield


@pytest.fixture(autouse=True)
def _nothing_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    service_state.forget()
    monkeypatch.setattr(background_cache, "FIRST_WAIT_SECONDS", 60)
