"""Activity is recorded without delaying requests, in bounded memory, into daily indices with a fixed mapping."""

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from elasticsearch import Elasticsearch, TransportError
from pytest_django import Settings

from movies.foundation import background_threads
from movies.foundation.events import Activity
from movies.genres import GENRES
from movies.models import Movie
from tests.waiting import wait_until
from tetraflix.analytics import recording, shipping
from tetraflix.analytics.indices import MAPPING, PREFIX, drop_old, ensure_template
from tetraflix.analytics.recording import Recorder

AT = datetime(2026, 11, 24, 23, 59, 59, 123457, tzinfo=UTC)
SECONDS = AT.timestamp()
PROFILE = [40, 0, 0, 0, 60] + 10 * [0]


class Server:
    """Accepts records, is slow, or unavailable."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[Activity]]] = []
        self.unavailable = False
        self.open = threading.Event()
        self.open.set()
        self.tried = threading.Semaphore(0)

    def ship(self, records: Sequence[Activity], name: str) -> int:
        self.tried.release()
        self.open.wait(10)
        if self.unavailable:
            raise TransportError("unavailable")
        self.taken.append((name, list(records)))
        return 0

    @property
    def kinds(self) -> list[str]:
        return [record.kind for _, records in self.taken for record in records]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(background_threads, "INTERVAL_SECONDS", 0.01)
    return Server()


@pytest.fixture
def elasticsearch(elasticsearch_url: str, settings: Settings) -> Iterator[Elasticsearch]:
    """The live server, without activity; the settings lead to it."""
    settings.ELASTICSEARCH_URL = elasticsearch_url
    shipping.ensure_daily_index.cache_clear()
    with Elasticsearch(elasticsearch_url, request_timeout=60) as client:
        client.indices.delete(index=f"{PREFIX}*")
        yield client
        client.indices.delete(index=f"{PREFIX}*")


def record(recorder: Recorder, kind: str = "user-data", who: int | str = 1, movies: int = 40) -> None:
    recorder.record(Activity(kind, who, movies, SECONDS))


def test_records_that_come_while_a_batch_is_sent_wait_for_a_full_batch_or_the_next_round(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(background_threads, "INTERVAL_SECONDS", 60)
    at_rest = threading.Event()
    sizes: list[int] = []

    class Wanted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            at_rest.set()
            return super().wait(timeout)

    def ship(records: Sequence[Activity], name: str) -> int:
        at_rest.clear()
        sizes.append(len(records))
        record(recorder)  # as a busy process does
        return 0

    recorder = Recorder(ship)
    recorder.thread.wake_event = Wanted()
    for _ in range(recording.BATCH):
        record(recorder)
    wait_until(lambda: sizes != [] and at_rest.is_set())
    assert sizes == [recording.BATCH]
    for _ in range(recording.BATCH - 1):
        record(recorder)
    wait_until(lambda: len(sizes) == 2)
    assert sizes[1] == recording.BATCH


def test_a_thread_sends_what_is_recorded(server: Server):
    recorder = Recorder(server.ship)
    for kind in ("user-data", "genre-data", "session-data", "recs-data"):
        record(recorder, kind)
    wait_until(lambda: recorder.sent == 4)
    assert server.kinds == ["user-data", "genre-data", "session-data", "recs-data"]
    recorder.stop()


def test_a_slow_server_delays_no_request_and_what_does_not_fit_is_dropped_and_counted(server: Server):
    server.open.clear()
    recorder = Recorder(server.ship, capacity=1000)
    record(recorder)
    assert server.tried.acquire(timeout=5)  # the thread is sending that record
    start = time.monotonic()
    for _ in range(10_000):
        record(recorder)
    assert time.monotonic() - start < 10
    assert recorder.dropped == 9_000
    server.open.set()
    wait_until(lambda: recorder.sent == 1_001)
    recorder.stop()


def test_a_batch_that_could_not_be_sent_is_sent_later_under_the_same_name(server: Server):
    server.unavailable = True
    recorder = Recorder(server.ship)
    record(recorder)
    assert server.tried.acquire(timeout=5)
    assert server.tried.acquire(timeout=5)  # it tries again by itself
    server.unavailable = False
    wait_until(lambda: recorder.sent == 1)
    assert [(name.rpartition("-")[2], len(records)) for name, records in server.taken] == [("1", 1)]
    assert recorder.dropped == 0
    recorder.stop()


def test_a_process_that_ends_sends_its_buffer(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(background_threads, "INTERVAL_SECONDS", 60)
    recorder = Recorder(server.ship)
    for _ in range(3):
        record(recorder)
    recorder.stop()
    assert recorder.sent == 3


@pytest.mark.django_db
def test_the_four_kinds_are_documents_of_their_day(elasticsearch: Elasticsearch):
    movie = Movie.objects.create(title="Heat", profile=PROFILE)
    recorder = Recorder(shipping.ship, background=False)
    recorder.record(Activity("user-data", 534356757834, 40, SECONDS))
    recorder.record(Activity("genre-data", "comedy", 20, SECONDS))
    recorder.record(Activity("recs-data", 7, 3, SECONDS))
    recorder.record(Activity("session-data", 7, 3, SECONDS + 2, [0.25, 1, 1], [movie.id, movie.id]))
    recorder.flush()
    assert _documents(elasticsearch) == [
        (
            "tetraflix-activity-2026.11.24",
            {"@timestamp": AT.isoformat(), "kind": "user-data", "user": 534356757834, "movies": 40},
        ),
        (
            "tetraflix-activity-2026.11.24",
            {"@timestamp": AT.isoformat(), "kind": "genre-data", "genre": "comedy", "movies": 20},
        ),
        (
            "tetraflix-activity-2026.11.24",
            {"@timestamp": AT.isoformat(), "kind": "recs-data", "user": 7, "movies": 3},
        ),
        (
            "tetraflix-activity-2026.11.25",
            {
                "@timestamp": (AT + timedelta(seconds=2)).isoformat(),
                "kind": "session-data",
                "user": 7,
                "movies": 3,
                "progress": [0.25, 1, 1],
                "views": 2,
                "genre_views": {GENRES[0]: 0.8, GENRES[4]: 1.2},
            },
        ),
    ]


def test_a_batch_sent_again_makes_no_second_copy(elasticsearch: Elasticsearch):
    records = [Activity("recs-data", user, 20, SECONDS) for user in range(1, 4)]
    assert shipping.ship(records, "once") == 0
    assert shipping.ship(records, "once") == 0
    assert len(_documents(elasticsearch)) == 3


def test_a_daily_index_has_the_mapping_and_no_other_field(elasticsearch: Elasticsearch):
    shipping.ship([Activity("recs-data", 1, 20, SECONDS)], "first")
    mapping = elasticsearch.indices.get_mapping(index="tetraflix-activity-2026.11.24")
    assert mapping["tetraflix-activity-2026.11.24"]["mappings"] == {**MAPPING, "dynamic": "strict"}


def test_a_record_that_is_refused_is_counted_and_its_neighbours_are_kept(elasticsearch: Elasticsearch):
    ensure_template(elasticsearch)
    records = [Activity("recs-data", who, 20, SECONDS) for who in (1, "nobody", 3)]
    assert shipping.ship(records, "mixed") == 1
    assert [document["user"] for _, document in _documents(elasticsearch)] == [1, 3]


def test_expired_days_are_deleted(elasticsearch: Elasticsearch, settings: Settings):
    settings.ACTIVITY_KEPT_DAYS = 30
    ensure_template(elasticsearch)
    for day in ("2026.10.24", "2026.10.25", "2026.11.24"):
        elasticsearch.indices.create(index=f"{PREFIX}{day}")
    elasticsearch.indices.create(index=f"{PREFIX}restored")
    assert drop_old(date(2026, 11, 24)) == [f"{PREFIX}2026.10.24"]
    assert sorted(elasticsearch.indices.get(index=f"{PREFIX}*")) == [
        f"{PREFIX}2026.10.25",
        f"{PREFIX}2026.11.24",
        f"{PREFIX}restored",
    ]


def _documents(elasticsearch: Elasticsearch) -> list[tuple[str, dict]]:
    elasticsearch.indices.refresh(index=f"{PREFIX}*")
    hits = elasticsearch.search(index=f"{PREFIX}*", size=100)["hits"]["hits"]
    return [(hit["_index"], hit["_source"]) for hit in sorted(hits, key=lambda hit: hit["_id"])]
