"""The log of messages, from the queue to what is read: the last ones of each queue, whole, and no more."""

import json
from collections.abc import Callable

import pytest
from pytest_django import Settings

from sessions_ingest.consumer.receiver import Counts
from sessions_ingest.message_log import log
from sessions_ingest.message_log.record import Record, unpacked
from sessions_ingest.models import RecordedMessages
from tests.movies.factories import movie
from tests.servers.queues import Queues
from tests.sessions_ingest.bus_messages import send

pytestmark = pytest.mark.django_db(transaction=True)


def record(number: int) -> Record:
    return Record(
        id=f"m{number}", sent=0, at=number, delivery=1, state="applied", outcome="", body="", user=number
    )


def numbers(queue: str, most: int = 100) -> list[int]:
    return [found.at for found in log.last(queue, most)]


def test_the_newest_of_each_queue_stay():
    for number in range(10):
        log.write({"a": [record(number)], "b": [record(number)] if number < 2 else []}, 3)
    assert (numbers("a"), numbers("b")) == ([9, 8, 7], [1, 0])
    assert RecordedMessages.objects.filter(queue="a").count() == 3
    log.write({"a": [record(number) for number in range(20, 25)]}, 3)
    assert numbers("a", 3) == [24, 23, 22]
    assert RecordedMessages.objects.filter(queue="a").count() == 1


def test_rows_of_two_processes_are_read_by_time():
    log.write({"a": [record(1), record(4)]}, 10)
    log.write({"a": [record(2), record(3)]}, 10)
    assert numbers("a", 3) == [4, 3, 2]


def test_a_row_of_another_version_is_no_error():
    assert unpacked(b"neither zlib nor JSON") == []


def test_consumed_messages_are_in_the_log(queues: Queues, drain: Callable[[], Counts]):
    movie("Movie 1", movie_id=1, drama=100)
    event = {"movie": {"id": 1}, "progress": 1}
    send(queues.session, json.dumps({"userId": 7, "events": [event, {"movie": {"id": 9}, "progress": 0.5}]}))
    send(queues.session, '{"userId": "\\ud800", "events": []}')
    send(queues.recs, json.dumps({"userId": 8, "rec": [1, 10**30]}))
    assert drain() == Counts(applied=2, dead_lettered=1)
    sessions = {found.user: found for found in log.last(queues.session.name, 100)}
    (recs,) = log.last(queues.recs.name, 100)
    applied, refused = sessions[7], sessions[None]
    assert (applied.state, applied.outcome) == (
        "applied",
        "1 event, 1 new view; 1 event skipped: no movie 9",
    )
    assert (applied.movies, applied.delivery, json.loads(applied.body)["userId"]) == ((1, 9), 1, 7)
    assert 0 <= applied.latency < 600
    assert applied.id != refused.id
    assert (refused.state, refused.movies) == ("dead-lettered", ())
    assert refused.outcome.startswith("userId: ")
    assert (recs.user, recs.state, recs.movies) == (8, "applied", (1,))


def test_nothing_is_logged_if_none_is_kept(queues: Queues, drain: Callable[[], Counts], settings: Settings):
    settings.MESSAGES_KEPT = 0
    send(queues.session, '{"userId": 7, "events": []}')
    assert drain() == Counts(applied=1)
    assert RecordedMessages.objects.count() == 0
