"""The effects of applied messages, and the number of SQL statements."""

import itertools
import logging
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from movies.models import GenreViews, Movie, View, ViewCount
from recommendations import stores
from recommendations.stores.base import ListStore
from recommendations.user_lists import Entry, Finish, UserLists
from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch, BatchOutcome
from sessions_ingest.messages import Recommendations, Session, WatchEvent
from sessions_ingest.models import IngestMinute
from tests.activity import recorded_activity

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def session(user: int, *events: tuple[int, float, float], sent: float | None = None) -> Session:
    """Movie, progress and minute of each event; sent at the time of the last one unless `sent` is given."""
    return Session(
        user,
        tuple(WatchEvent(movie, progress, at(minutes)) for movie, progress, minutes in events),
        at(max(minutes for _, _, minutes in events) if sent is None else sent),
    )


def add_movies(*ids: int) -> None:
    Movie.objects.bulk_create(Movie(id=id_, title=f"Movie {id_}", profile=[60, 40] + [0] * 13) for id_ in ids)


def views() -> dict[int, int]:
    return dict(ViewCount.objects.exclude(views=0).values_list("movie_id", "views"))


def lists(user: int) -> UserLists | None:
    return stores.current().read(user)


def test_both_kinds_of_messages_in_one_batch() -> None:
    add_movies(1, 2, 3)
    outcomes = apply(
        [
            Batch(
                "sessionData",
                [session(9, (1, 1, 0), (2, 0.5, 1), (99, 0.5, 2)), session(9, (1, 1, 0))],
                invalid=2,
            ),
            Batch("userRecs", [Recommendations(9, (3, 77, 1, 3), at(5))]),
        ]
    )
    assert outcomes == [
        BatchOutcome(messages=2, events=3, views=1, skipped=1, invalid=2),
        BatchOutcome(messages=1, events=0, views=0, skipped=0, invalid=0),
    ]
    assert lists(9) == UserLists(
        recommended=(3, 1),  # sent after movie 1's finish was reported
        recommended_at=at(5),
        watching=(Entry(2, 0.5, at(1)),),
        finished=(Finish(1, at(0), reported_at=at(0)),),
    )
    assert views() == {1: 1}
    assert dict(GenreViews.objects.values_list("genre", "weight")) == {"action": 60, "animation": 40}
    assert sorted(
        IngestMinute.objects.values_list("queue", "messages", "events", "views", "skipped", "poison")
    ) == [("sessionData", 2, 3, 1, 1, 2), ("userRecs", 1, 0, 0, 0, 0)]


def test_a_redelivered_event_counts_once() -> None:
    add_movies(1, 2)
    batch = [Batch("sessionData", [session(9, (1, 1, 0), (2, 0.5, 1))])]
    apply(batch)
    before = lists(9)
    assert [outcome.views for outcome in apply(batch)] == [0]
    assert (lists(9), views()) == (before, {1: 1})


@pytest.fixture(params=["postgres", "mongo"])
def store(request: pytest.FixtureRequest, settings: Settings) -> ListStore:
    if request.param == "mongo":
        settings.MONGODB_URL = request.getfixturevalue("mongodb_url")
    return stores.current()


FINISH = Batch("sessionData", [session(9, (1, 1, 0), sent=10)])
RESENT = Batch("sessionData", [session(9, (1, 1, 0), sent=30)])


@pytest.mark.parametrize(("sent", "recommended"), [(9, (2,)), (10, (2,)), (11, (2, 1))])
@pytest.mark.parametrize("one_group", [True, False])
def test_a_list_has_a_finished_movie_if_sent_after_the_finish_was_reported_in_any_order_of_arrival(
    store: ListStore, sent: float, recommended: tuple[int, ...], one_group: bool
) -> None:
    add_movies(1, 2)
    new_list = Batch("userRecs", [Recommendations(9, (2, 1), at(sent))])
    for batches in itertools.permutations([FINISH, new_list]):
        store.write([(9, UserLists())])
        View.objects.all().delete()
        for batch in [batches] if one_group else [[batches[0]], [batches[1]]]:
            apply(batch)
        assert store.read(9) == UserLists(
            recommended=recommended, recommended_at=at(sent), finished=(Finish(1, at(0), reported_at=at(10)),)
        )


def test_a_finish_that_is_sent_again_was_reported_the_first_time(store: ListStore) -> None:
    add_movies(1, 2)
    for batches in itertools.permutations([FINISH, RESENT]):
        store.write([(9, UserLists())])
        View.objects.all().delete()
        for batch in batches:
            apply([batch])
        apply([Batch("userRecs", [Recommendations(9, (2, 1), at(20))])])
        apply([RESENT])
        assert store.read(9) == UserLists(
            recommended=(2, 1), recommended_at=at(20), finished=(Finish(1, at(0), reported_at=at(10)),)
        )


def test_a_repeated_finish_does_not_remove_a_movie_that_was_recommended_again_since() -> None:
    add_movies(*range(1, 30))
    apply([Batch("sessionData", [session(9, *((movie, 1, movie) for movie in range(1, 25)))])])
    apply([Batch("userRecs", [Recommendations(9, (1,), at(100))])])
    # no longer among the last 20 finishes
    apply([Batch("sessionData", [session(9, (1, 1, 1), sent=200)])])
    after = lists(9)
    assert after is not None
    assert after.recommended == (1,)


def test_a_late_event_of_a_movie_finished_since_changes_nothing() -> None:
    add_movies(*range(1, 30))
    apply([Batch("sessionData", [session(9, *((movie, 1, movie) for movie in range(1, 25)))])])
    before = lists(9)
    apply([Batch("sessionData", [session(9, (1, 0.5, 0))])])
    assert lists(9) == before


def test_a_list_sent_before_a_finish_is_stored_without_the_movie() -> None:
    add_movies(*range(1, 30))
    apply([Batch("sessionData", [session(9, *((movie, 1, movie) for movie in range(1, 25)))])])
    apply([Batch("userRecs", [Recommendations(9, (1, 24, 28), at(0))])])
    after = lists(9)
    assert after is not None
    assert after.recommended == (28,)


def test_the_newer_of_two_lists_stays_in_any_order_of_arrival() -> None:
    add_movies(1, 2)
    new, old = Recommendations(9, (1,), at(2)), Recommendations(9, (2,), at(1))
    apply([Batch("userRecs", [new, old])])
    apply([Batch("userRecs", [old])])
    after = lists(9)
    assert after is not None
    assert (after.recommended, after.recommended_at) == ((1,), at(2))


def test_ids_that_cannot_exist_are_skipped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "sessions_ingest.apply"):
        outcomes = apply([Batch("sessionData", [session(9, (0, 1, 0), (-5, 0.5, 0), (10**30, 1, 0))])])
    assert outcomes == [BatchOutcome(messages=1, skipped=3)]
    assert lists(9) is None
    assert [record.getMessage() for record in caplog.records] == [
        f"3 events skipped: no such movie: [-5, 0, {10**30}]"
    ]


def test_the_number_of_statements_does_not_grow_with_the_batch() -> None:
    add_movies(*range(1, 60))

    def statements(start: int, users: int, per_user: int) -> int:
        sessions = [
            session(user, *((movie, movie % 2, movie) for movie in range(1, per_user + 1)))
            for user in range(start, start + users)
        ]
        recs = [
            Recommendations(user, tuple(range(1, per_user)), NOON) for user in range(start, start + users)
        ]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            apply([Batch("sessionData", sessions), Batch("userRecs", recs)])
        return len(queries)

    few = statements(1, 2, 2)
    # BEGIN, locks of the users, movies, views, last finishes, finished since,
    # SAVEPOINT, rows, INSERT, RELEASE, view counts, genres, roll-up, COMMIT
    assert few <= 15
    assert statements(1000, 100, 50) == few


def test_committed_messages_are_published_as_activity() -> None:
    add_movies(1)
    with recorded_activity() as activities:
        apply(
            [
                Batch("sessionData", [session(9, (1, 1, 0), (1, 0.5, 1))]),
                Batch("userRecs", [Recommendations(8, (1, 2), NOON)]),
            ]
        )
    assert [(*activity[:3], *activity[4:]) for activity in activities] == [
        ("session-data", 9, 2, [1, 0.5], [1]),
        ("recs-data", 8, 2, (), ()),
    ]
    assert all(abs(activity[3] - time.time()) < 60 for activity in activities)


def test_concurrent_writers_lose_nothing_and_count_nothing_twice() -> None:
    add_movies(*range(1, 6))
    errors: list[Exception] = []

    def work(worker: int) -> None:
        try:
            for turn in range(10):
                # each event is sent by two workers; users and movies in opposite orders
                batch = [session(user, (1 + (user + turn) % 5, 1, turn)) for user in range(1, 9)]
                apply([Batch("sessionData", batch[:: 1 if worker % 2 else -1])])
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[worker]) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert views() == dict.fromkeys(range(1, 6), 16)
    assert sum(IngestMinute.objects.values_list("views", flat=True)) == 80
