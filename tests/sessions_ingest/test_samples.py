"""Real messages of the sister services through real queues: each is applied, invalid ones are dead-lettered."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from movies.models import Movie, View, ViewCount
from recommendations import stores
from recommendations.user_lists import Entry, Finish, UserLists
from sessions_ingest.consumer.receiver import Counts
from sessions_ingest.messages import InvalidMessage, parse_recs, parse_session
from tests.servers.queues import Queues
from tests.sessions_ingest.bus_messages import dead_letters, send

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqs_servers("embedded", "elasticmq")]
SAMPLES = Path(__file__).parent / "samples"
INVALID = [json.loads(line) for line in (SAMPLES / "invalid.jsonl").read_text().splitlines()]
SENDABLE = [body for body in INVALID if body]  # SQS itself refuses an empty body


def sample(name: str) -> str:
    return (SAMPLES / name).read_text()


def add_movies(*ids: int) -> None:
    Movie.objects.bulk_create(Movie(id=id_, title=f"Movie {id_}", profile=[100] + [0] * 14) for id_ in ids)


def assert_lists(user: int, watching: Entry, finished: int, at: datetime) -> None:
    """Asserts that the user watches one movie and has finished another, reported just now."""
    lists = stores.current().read(user)
    assert lists is not None
    (finish,) = lists.finished
    assert lists == UserLists(watching=(watching,), finished=(Finish(finished, at, finish.reported_at),))
    assert abs(datetime.now(UTC) - finish.reported_at) < timedelta(minutes=1)


def test_the_session_from_the_events_service(queues: Queues, drain: Callable[[], Counts]) -> None:
    add_movies(101, 202)
    send(queues.session, sample("session_from_events_service.json"))
    assert drain() == Counts(applied=1)
    finished = datetime(2017, 11, 2, 19, 44, 51, tzinfo=UTC)
    watching = Entry(101, 0.45, datetime(2017, 11, 2, 19, 4, 11, 512000, tzinfo=UTC))
    assert_lists(5783, watching, 202, finished)
    assert list(View.objects.values_list("user_id", "movie_id", "watched_at")) == [(5783, 202, finished)]


def test_the_session_from_the_readme(queues: Queues, drain: Callable[[], Counts]) -> None:
    add_movies(543, 155)
    send(queues.session, sample("session_from_readme.json"))
    assert drain() == Counts(applied=1)
    watching = Entry(155, 0.7, datetime(2017, 9, 8, 14, 50, tzinfo=UTC))
    assert_lists(534356757834, watching, 543, datetime(2017, 9, 8, 12, 50, tzinfo=UTC))
    assert dict(ViewCount.objects.values_list("movie_id", "views")) == {543: 1, 155: 0}


def test_a_session_without_events_has_no_effect(queues: Queues, drain: Callable[[], Counts]) -> None:
    send(queues.session, sample("session_without_events.json"))
    assert drain() == Counts(applied=1)
    assert stores.current().read(5783) is None


@pytest.mark.parametrize(
    ("name", "user", "ids"),
    [
        ("recommendations_from_readme.json", 534356757834, (23, 105, 765, 32, 479)),
        ("recommendations_from_recommendations_service.json", 5783, (23879, 16605, 7695, 37892, 479)),
    ],
)
def test_the_recommendations(
    name: str, user: int, ids: tuple[int, ...], queues: Queues, drain: Callable[[], Counts]
) -> None:
    add_movies(*ids)
    send(queues.recs, sample(name))
    assert drain() == Counts(applied=1)
    lists = stores.current().read(user)
    assert lists is not None
    assert (lists.recommended, lists.watching) == (ids, ())


def test_each_invalid_message_is_dead_lettered_with_its_reason_and_the_others_are_applied(
    queues: Queues, drain: Callable[[], Counts]
) -> None:
    add_movies(7)
    for number, body in enumerate(SENDABLE, start=1):
        queue, valid = (
            (queues.recs, {"userId": number, "rec": [7]})
            if '"rec"' in body
            else (queues.session, {"userId": number, "events": [{"movie": {"id": 7}, "progress": 0.5}]})
        )
        send(queue, body)
        send(queue, json.dumps(valid))
    assert drain() == Counts(applied=len(SENDABLE), dead_lettered=len(SENDABLE))
    for user in range(1, len(SENDABLE) + 1):
        lists = stores.current().read(user)
        assert lists is not None
        assert (*lists.recommended, *(entry.movie_id for entry in lists.watching)) == (7,)
    for queue, parse, bodies in (
        (queues.session, parse_session, [body for body in SENDABLE if '"rec"' not in body]),
        (queues.recs, parse_recs, [body for body in SENDABLE if '"rec"' in body]),
    ):
        dead = dict(dead_letters(queue))
        assert sorted(dead) == sorted(bodies)
        for body, attributes in dead.items():
            with pytest.raises(InvalidMessage) as error:
                parse(body, datetime.now(UTC))
            assert attributes["reason"] == str(error.value)
            assert attributes["source-queue"] == queue.name
            assert attributes["receive-count"] == "1"
            assert set(attributes) == {"reason", "source-queue", "message-id", "receive-count", "sent-at"}
