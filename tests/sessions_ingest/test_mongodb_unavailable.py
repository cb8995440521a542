"""While MongoDB is unavailable ingestion pauses, then resumes: nothing is lost or counted twice."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from movies.models import Movie, View, ViewCount
from movies.outbox import bus
from recommendations import stores
from recommendations.stores.base import StoreUnavailable
from sessions_ingest import ingest_metrics
from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch
from sessions_ingest.messages import parse_session
from sessions_ingest.models import IngestMinute
from tests.activity import recorded_activity
from tests.servers.mongodb import MongoServer
from tests.sessions_ingest.processes import CONSUME, Process
from tests.sessions_ingest.traffic import add_movies, assert_as_the_model_says, send, traffic, waiting
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


@pytest.mark.parametrize("end", [MongoServer.stop, MongoServer.kill], ids=["stopped", "killed"])
def test_an_outage_of_mongodb_loses_nothing_and_counts_nothing_twice(
    service_env: dict[str, str],
    settings: Settings,
    private_mongodb: MongoServer,
    end: Callable[[MongoServer], None],
) -> None:
    settings.MONGODB_URL = private_mongodb.url
    model, rounds = traffic(seed=7, sessions=1500)
    add_movies()
    send(rounds)
    with Process(*CONSUME, env={**service_env, "MONGODB_URL": private_mongodb.url}) as consumer:
        wait_until(lambda: 0 < waiting() < 1500, seconds=120)
        end(private_mongodb)
        consumer.wait_for("cannot apply now")
        assert waiting() > 0
        private_mongodb.start()
        wait_until(lambda: waiting() == 0, seconds=200)
        assert consumer.stop() == 0
    assert_as_the_model_says(model, dead_lettered=10)
    assert bus.depth(bus.queue("sessionData").url) == 0


def test_nothing_is_counted_if_mongodb_is_unavailable_and_a_redelivery_applies_the_message(
    settings: Settings, mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MONGODB_URL = mongodb_url
    movie, other, batch = watched_two()
    store = stores.current()

    def unavailable(changes: object) -> None:
        raise StoreUnavailable("no primary")

    with recorded_activity() as activities:
        with monkeypatch.context() as patch:
            patch.setattr(store, "update", unavailable)
            for _ in range(3):
                with pytest.raises(StoreUnavailable):
                    apply([batch])
        assert (View.objects.count(), IngestMinute.objects.count()) == (0, 0)
        assert (store.read(7), activities) == (None, [])
        apply([batch])
    assert_applied(movie, other)
    assert [(activity.who, activity.movies, activity.viewed) for activity in activities] == [(7, 2, [movie])]
    counted = IngestMinute.objects.values_list("messages", "events", "views")
    assert [sum(column) for column in zip(*counted, strict=True)] == [1, 2, 1]


def test_a_redelivery_repairs_a_crash_between_mongodb_and_the_commit(
    settings: Settings, mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MONGODB_URL = mongodb_url
    movie, other, batch = watched_two()

    def dies(*args: object) -> None:
        raise ZeroDivisionError("the process died here")

    with monkeypatch.context() as patch:
        patch.setattr(ingest_metrics, "record", dies)
        with pytest.raises(ZeroDivisionError):
            apply([batch])
    assert (View.objects.count(), ViewCount.objects.get(movie_id=movie).views) == (0, 0)
    assert stores.current().read(7) is not None
    for _ in range(2):
        apply([batch])
        assert_applied(movie, other)


def watched_two() -> tuple[int, int, Batch]:
    """A movie that user 7 finishes and one that they begin, and the batch that says so."""
    movie = Movie.objects.create(title="Heat", profile=[100] + 14 * [0]).id
    other = Movie.objects.create(title="Alien", profile=[100] + 14 * [0]).id
    body = (
        f'{{"userId": 7, "events": [{{"movie": {{"id": {movie}}}, "progress": 1, "timestamp": "2017-09-08"}},'
        f' {{"movie": {{"id": {other}}}, "progress": 0.5, "timestamp": "2017-09-08"}}]}}'
    )
    return movie, other, Batch("sessionData", [parse_session(body, datetime(2017, 9, 8, tzinfo=UTC))])


def assert_applied(movie: int, other: int) -> None:
    assert (View.objects.count(), ViewCount.objects.get(movie_id=movie).views) == (1, 1)
    lists = stores.current().read(7)
    assert lists is not None
    assert [entry.movie_id for entry in lists.watching] == [other]
    assert [finish.movie_id for finish in lists.finished] == [movie]
