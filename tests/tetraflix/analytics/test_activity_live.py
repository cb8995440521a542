"""A real web process and a real Elasticsearch: activity arrives, and no request waits for it or fails with it."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from elasticsearch import ApiError, Elasticsearch

from tests.movies.factories import movie
from tests.servers.java.elasticsearch import ElasticsearchServer
from tests.servers.web_process import ROOT, WebProcess
from tests.waiting import wait_until
from tetraflix.analytics.indices import PREFIX

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
LOADED = """
import sys, django
django.setup()
import tetraflix.celery, tetraflix.urls, movies.search.engine, sessions_ingest.consumer.worker_step
print(*sorted(name for name in sys.modules
    if name.split(".")[0] in ("elasticsearch", "elastic_transport", "django_elasticsearch_dsl")
    or name.startswith(("movies.search.elastic", "tetraflix.analytics"))))
"""


@pytest.fixture
def web(
    database_url: str, private_elasticsearch: ElasticsearchServer, tmp_path: Path
) -> Iterator[WebProcess]:
    urls = {"DATABASE_URL": database_url, "ELASTICSEARCH_URL": private_elasticsearch.url}
    with WebProcess(tmp_path / "web.log", **urls) as web:
        yield web


def test_the_activity_of_clients_arrives(web: WebProcess, private_elasticsearch: ElasticsearchServer):
    start = datetime.now(UTC)
    movie("Heat", comedy=100)
    assert [web.get("/tetraflix/recommendations/534356757834"), web.get("/tetraflix/genre/comedy")] == [
        200,
        200,
    ]
    with Elasticsearch(private_elasticsearch.url) as client:
        wait_until(lambda: len(_documents(client, start)) == 2)
        user, genre = sorted(_documents(client, start), key=lambda document: document["kind"], reverse=True)
    for document in (user, genre):
        assert start <= datetime.fromisoformat(document.pop("@timestamp")) <= datetime.now(UTC)
    assert user == {"kind": "user-data", "user": 534356757834, "movies": 1}
    assert genre == {"kind": "genre-data", "genre": "comedy", "movies": 1}


@pytest.mark.parametrize(
    "outage", [ElasticsearchServer.kill, ElasticsearchServer.pause], ids=["killed", "hung"]
)
def test_an_outage_of_elasticsearch_under_traffic_fails_and_delays_no_request(
    web: WebProcess, private_elasticsearch: ElasticsearchServer, outage
):
    answers: list[tuple[int | None, float]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            start = time.monotonic()
            status = web.get("/tetraflix/recommendations/7")
            answers.append((status, time.monotonic() - start))

    reader = threading.Thread(target=read)
    reader.start()
    wait_until(lambda: len(answers) > 500, seconds=30)
    outage(private_elasticsearch)
    sent = len(answers)
    wait_until(lambda: len(answers) > sent + 2_000 and "activity: tried again" in web.output(), seconds=60)
    done.set()
    reader.join()
    assert {status for status, _ in answers} == {200}
    # as long as a busy machine may take; a request that waits for Elasticsearch takes longer
    assert max(seconds for _, seconds in answers) < 2
    private_elasticsearch.resume()
    if outage is ElasticsearchServer.kill:
        private_elasticsearch.start()


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9"])
def test_nothing_of_it_is_imported_unless_it_is_set(url: str):
    env = {**os.environ, "ELASTICSEARCH_URL": url, "DJANGO_SETTINGS_MODULE": "tetraflix.settings"}
    run = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    loaded = run.stdout.split()
    assert ("elasticsearch" in loaded, "tetraflix.analytics.recording" in loaded) == (bool(url), bool(url))
    assert bool(loaded) is bool(url)


def _documents(client: Elasticsearch, since: datetime) -> list[dict]:
    """The documents of this test: others of the module leave some, which are older."""
    client.indices.refresh(index=f"{PREFIX}*")
    query = {"range": {"@timestamp": {"gte": since.isoformat()}}}
    try:
        hits = client.search(index=f"{PREFIX}*", query=query, size=100)["hits"]["hits"]
    except ApiError as error:
        if error.status_code != 503:
            raise
        return []  # the day's index was made this moment, and no shard of it has started
    return [json.loads(json.dumps(hit["_source"])) for hit in hits]
