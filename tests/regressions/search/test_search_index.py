"""The search index on a cluster that creates no index by a write, and failed rebuilds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from elasticsearch import Elasticsearch, TransportError

from movies.foundation.events import Activity
from movies.foundation.leases import LeaseHeld, LeaseLost, lease
from movies.foundation.retries import failing_work
from movies.inventory import services
from movies.models import Failure
from movies.search import engine
from movies.search.elastic import indexing
from movies.search.elastic.documents import ALIAS
from movies.search.elastic.tasks import index_changes, rebuild_search
from tests.movies.factories import profile
from tests.movies.search.searching import elasticsearch as elasticsearch_without_movies
from tetraflix.analytics import shipping
from tetraflix.analytics.indices import PREFIX, index_of
from tetraflix.health import status

__all__ = ["elasticsearch_without_movies"]
pytestmark = pytest.mark.django_db(transaction=True)
DRAMA = profile(drama=100)


@pytest.fixture
def elasticsearch(elasticsearch_without_movies: Elasticsearch) -> Iterator[Elasticsearch]:
    """A cluster with action.auto_create_index=false and without indices of movies or activity."""
    client = elasticsearch_without_movies
    _forget_activity(client)
    client.cluster.put_settings(persistent={"action.auto_create_index": "false"})
    yield client
    client.cluster.put_settings(persistent={"action.auto_create_index": None})
    _forget_activity(client)


def _forget_activity(elasticsearch: Elasticsearch) -> None:
    for name in elasticsearch.indices.get(index=f"{PREFIX}*"):
        elasticsearch.indices.delete(index=name)
    shipping.ensure_daily_index.cache_clear()


def add(title: str) -> int:
    return services.add_movie(title=title, profile=DRAMA, actor="test").id


def indices(elasticsearch: Elasticsearch) -> list[str]:
    return sorted(elasticsearch.indices.get(index=f"{ALIAS}-*"))


def pause_is_over() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE movies_failure SET next_try = now() - interval '1 s'")


class Breaks:
    """Makes a part of a rebuild fail `times` times, and then work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, part: str, error: BaseException, times: int) -> None:
        self._real, self._error, self._left = getattr(indexing, part), error, times
        monkeypatch.setattr(indexing, part, self)

    def __call__(self, *args: Any, **more: Any) -> Any:
        if self._left:
            self._left -= 1
            raise self._error
        return self._real(*args, **more)


def test_the_service_creates_its_indices_explicitly(elasticsearch: Elasticsearch) -> None:
    """With auto_create_index=false Elasticsearch finds movies and stores activity."""
    movie = add("Heat")
    assert index_changes() == 1
    assert engine.search("heta", limit=5) == [movie]
    assert len(indices(elasticsearch)) == 1
    assert elasticsearch.indices.get_mapping(index=indexing.STATE)[indexing.STATE]["mappings"] == {
        "dynamic": "strict",
        "properties": {"change_id": {"type": "long"}},
    }
    add("Warmth")
    assert (index_changes(), index_changes()) == (1, 0)
    assert failing_work() == {}
    at = datetime(2026, 11, 24, tzinfo=UTC)
    days = [at, at + timedelta(days=1)]
    records = [Activity("user-data", 7, 20, day.timestamp()) for day in days]
    assert shipping.ship(records, "batch") == 0
    elasticsearch.indices.refresh(index=f"{PREFIX}*")
    for day in days:
        index = index_of(day.date())
        assert elasticsearch.count(index=index)["count"] == 1
        assert elasticsearch.indices.get_mapping(index=index)[index]["mappings"]["dynamic"] == "strict"


def test_a_removed_index_of_activity_is_created_again(elasticsearch: Elasticsearch) -> None:
    """The records are kept until then."""
    record = Activity("user-data", 7, 20, datetime(2026, 11, 24, tzinfo=UTC).timestamp())
    shipping.ship([record], "one")
    elasticsearch.indices.delete(index=index_of(datetime(2026, 11, 24, tzinfo=UTC).date()))
    with pytest.raises(shipping.UNAVAILABLE_ERRORS):
        shipping.ship([record], "two")
    assert shipping.ship([record], "two") == 0


@pytest.mark.parametrize("part", ["send_movies", "save_position", "switch_to", "create_index"])
def test_a_failed_rebuild_removes_its_index_and_is_retried_with_growing_pauses(
    elasticsearch: Elasticsearch, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """It does not create a full index every 5 s, and the status reports the error."""
    movie = add("Heat")
    Breaks(monkeypatch, part, TransportError("no such luck"), times=3)
    pauses = []
    for times in range(1, 4):
        assert index_changes() == 0
        assert indices(elasticsearch) == []
        failure = Failure.objects.get()
        assert (failure.name, failure.times) == ("search index", times)
        assert index_changes() == 0
        failure.refresh_from_db()
        assert failure.times == times  # nothing was tried during the pause
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM next_try - clock_timestamp()) FROM movies_failure")
            pauses.append(float(cursor.fetchone()[0]))
        pause_is_over()
    assert pauses[0] < pauses[1] < pauses[2]
    [line] = [line for line in status.collect().down if "search index" in line]
    assert line.startswith("The search index has failed since")
    assert line.endswith("no such luck")
    assert index_changes() == 1
    assert engine.search("heat", limit=5) == [movie]
    assert failing_work() == {}


def test_killed_rebuilds_leave_at_most_one_spare_index(
    elasticsearch: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next rebuild first removes the index of a killed one; the index in use stays."""
    movie = add("Heat")
    in_use = indexing.rebuild().index
    with monkeypatch.context() as killed:  # a killed process does not clean up either
        killed.setattr(indexing, "remove_index", lambda *_: None)
        for _ in range(2):
            Breaks(killed, "switch_to", KeyboardInterrupt(), times=1)
            with pytest.raises(KeyboardInterrupt):
                indexing.rebuild()
            left = indices(elasticsearch)
            assert in_use in left
            assert len(left) == 2
    assert engine.search("heat", limit=5) == [movie]
    new = indexing.rebuild().index
    assert indices(elasticsearch) == [new]


def test_one_process_rebuilds_at_a_time_and_stops_when_it_loses_its_lease(
    elasticsearch: Elasticsearch,
) -> None:
    """Two concurrent rebuilds would create two spare indices."""
    add("Heat")
    with lease(indexing.REBUILD_LEASE, seconds=60), pytest.raises(LeaseHeld):
        indexing.rebuild()
    in_use = indexing.rebuild().index

    def meanwhile(movies: int) -> None:
        with connection.cursor() as cursor:  # as if another process had taken the lease meanwhile
            cursor.execute("UPDATE movies_lease SET owner = gen_random_uuid()")

    with pytest.raises(LeaseLost):
        indexing.rebuild(meanwhile)
    assert indices(elasticsearch) == [in_use]
    assert indexing.index_in_use(elasticsearch) == in_use


def test_the_daily_rebuild_runs_when_the_index_is_a_day_old(
    elasticsearch: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed one is retried soon, not a day later."""
    add("Heat")
    assert rebuild_search() == 0  # index_changes creates the first one
    index_changes()
    first = indexing.index_in_use(elasticsearch)
    assert rebuild_search() == 0
    monkeypatch.setattr(indexing, "MAX_AGE", timedelta(0))
    assert rebuild_search() == 1
    assert indices(elasticsearch) != [first]
