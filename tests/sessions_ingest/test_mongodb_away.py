"""MongoDB away while messages drain: ingestion pauses and resumes alone, nothing lost or counted twice."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from movies.models import Movie, View, ViewCount
from movies.outbox import bus
from recommendations import stores
from recommendations.stores.base import StoreUnavailable
from sessions_ingest import apply as ingest
from sessions_ingest.apply import Batch, apply
from sessions_ingest.messages import parse_session
from sessions_ingest.models import IngestMinute
from tests.activity import recorded_activity
from tests.servers.mongodb import MongoServer
from tests.sessions_ingest.processes import Process
from tests.sessions_ingest.test_kill import (
    CONSUME,
    add_movies,
    assert_as_the_model_says,
    send,
    traffic,
    waiting,
)
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.mark.parametrize("away", [MongoServer.stop, MongoServer.kill], ids=["stopped", "killed"])
def test_an_outage_of_mongodb_loses_nothing_and_counts_nothing_twice(
    service_env: dict[str, str],
    settings: Settings,
    private_mongodb: MongoServer,
    away: Callable[[MongoServer], None],
) -> None:
    settings.MONGODB_URL = private_mongodb.url
    model, rounds = traffic(seed=7, sessions=1500)
    add_movies()
    send(rounds)
    with Process(*CONSUME, env={**service_env, "MONGODB_URL": private_mongodb.url}) as consumer:
        wait_until(lambda: 0 < waiting() < 1500, seconds=20)
        away(private_mongodb)
        consumer.wait_for("cannot apply now")
        assert waiting() > 0
        private_mongodb.start()
        wait_until(lambda: waiting() == 0, seconds=60)
        assert consumer.stop() == 0
    assert_as_the_model_says(model, poison=10)
    assert bus.depth(bus.queue("sessionData").url) == 0


def test_what_mongodb_did_not_take_is_not_counted_and_is_applied_when_the_message_comes_again(
    settings: Settings, mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MONGODB_URL = mongodb_url
    movie, other, batch = watched_two()
    store = stores.current()

    def away(changes: object) -> None:
        raise StoreUnavailable("no primary")

    with recorded_activity() as heard:
        with monkeypatch.context() as patch:
            patch.setattr(store, "update", away)
            for _ in range(3):
                with pytest.raises(StoreUnavailable):
                    apply([batch])
        assert (View.objects.count(), IngestMinute.objects.count()) == (0, 0)
        assert (store.read(7), heard) == (None, [])
        apply([batch])
    assert_applied(movie, other)
    assert [(said.who, said.movies, said.viewed) for said in heard] == [(7, 2, [movie])]
    counted = IngestMinute.objects.values_list("messages", "events", "views")
    assert [sum(column) for column in zip(*counted, strict=True)] == [1, 2, 1]


def test_a_crash_between_mongodb_and_the_commit_heals_when_the_message_comes_again(
    settings: Settings, mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MONGODB_URL = mongodb_url
    movie, other, batch = watched_two()

    def dies(*args: object) -> None:
        raise ZeroDivisionError("the process died here")

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "_record", dies)
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
