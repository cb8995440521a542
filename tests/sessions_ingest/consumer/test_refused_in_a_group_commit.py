"""A message that the database refuses fails alone, not with the other batches of its group."""

import json
from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import Settings

from movies.models import View
from movies.outbox import bus
from sessions_ingest.consumer.database_handler import make_consumer
from sessions_ingest.models import IngestMinute
from tests.movies.factories import movie
from tests.servers.queues import Queues
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
REFUSE_USER_13 = """
CREATE FUNCTION tests_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'user 13 is refused' USING ERRCODE = 'data_exception'; END $$;
CREATE TRIGGER tests_refuse BEFORE INSERT ON movies_view FOR EACH ROW WHEN (NEW.user_id = 13)
    EXECUTE FUNCTION tests_refuse()
"""


@pytest.fixture
def one_delivery(settings: Settings) -> None:
    """A message is dead-lettered after one failure, so that any wrong failure shows."""
    settings.QUEUE_MAX_RECEIVES = 1
    settings.QUEUE_VISIBILITY_SECONDS = 5  # longer than a batch takes on a busy machine


@pytest.fixture
def user_13_is_refused(transactional_db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(REFUSE_USER_13)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER tests_refuse ON movies_view; DROP FUNCTION tests_refuse")


def test_a_message_that_fails_dead_letters_no_other(
    one_delivery: None, queues: Queues, user_13_is_refused: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "LONG_POLL_SECONDS", 1)
    movie(movie_id=1)
    bodies = [
        json.dumps(
            {"userId": user, "events": [{"movie": {"id": 1}, "progress": 1, "timestamp": "2017-09-08"}]}
        )
        for user in (*range(1, 61), 13, 13)
    ]
    lists = [json.dumps({"userId": user, "rec": [1]}) for user in range(1, 31)]
    for queue, sent in ((queues.session, [*bodies, "invalid"]), (queues.recs, lists)):
        for start in range(0, len(sent), 10):
            entries = [
                {"Id": str(place), "MessageBody": body} for place, body in enumerate(sent[start : start + 10])
            ]
            bus.shared_client().send_message_batch(QueueUrl=queue.url, Entries=entries)  # type: ignore[arg-type]
    consumer = make_consumer()
    consumer.start()
    wait_until(lambda: bus.depth(queues.session.url) + bus.depth(queues.recs.url) == 0, seconds=60)
    assert consumer.stop()
    for thread in consumer.threads:
        thread.join()
    assert sorted(View.objects.values_list("user_id", flat=True)) == [u for u in range(1, 61) if u != 13]
    counts = consumer.counts()
    assert (counts.applied, counts.dead_lettered) == (len(bodies) - 3 + len(lists), 1)
    assert bus.depth(queues.session.dead_url) == 4  # three of user 13, and the invalid one
    assert bus.depth(queues.recs.dead_url) == 0
    recorded = IngestMinute.objects.values_list("messages", "views", "poison")
    assert [sum(column) for column in zip(*recorded, strict=True)] == [59 + len(lists), 59, 1]
