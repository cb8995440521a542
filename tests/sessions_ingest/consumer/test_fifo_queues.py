"""FIFO queues are consumed as standard ones are, each group in order."""

import json
from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from movies.models import View
from movies.outbox import bus
from recommendations import stores
from sessions_ingest import dead_letters
from sessions_ingest.consumer.receiver import Counts
from tests.movies.factories import movie
from tests.servers.queues import Queues, new_queues

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqs_servers("embedded", "elasticmq")]
USERS = range(1, 8)


@pytest.fixture
def queues(bus_server: None, settings: Settings) -> Iterator[Queues]:
    with new_queues(settings, suffix=".fifo") as queues:
        yield queues


def send(queue: bus.Queue, user: int, body: str) -> None:
    """Sends it in the group of its user, like a service that keeps their order."""
    bus.shared_client().send_message(QueueUrl=queue.url, MessageBody=body, MessageGroupId=str(user))


def test_groups_are_applied_in_order_and_an_invalid_message_blocks_none(
    queues: Queues, drain: Callable[[], Counts]
) -> None:
    movies = range(1, 13)
    for movie_id in movies:
        movie(movie_id=movie_id)
    for movie_id in movies:
        for user in USERS:
            # without a time, so it is ordered by when it was sent
            event = {"movie": {"id": movie_id}, "progress": 1 if movie_id == 12 else 0.5}
            send(queues.session, user, json.dumps({"userId": user, "events": [event]}))
            if movie_id == 6:
                send(queues.session, user, f"invalid {user}")
    for user in USERS:
        send(queues.recs, user, json.dumps({"userId": user, "rec": [2, 1]}))

    assert drain() == Counts(applied=len(USERS) * (len(movies) + 1), dead_lettered=len(USERS))

    for user in USERS:
        lists = stores.current().read(user)
        assert lists is not None
        assert [entry.movie_id for entry in lists.watching] == list(range(11, 0, -1))
        assert lists.recommended == (2, 1)
    assert sorted(View.objects.values_list("user_id", "movie_id")) == [(user, 12) for user in USERS]
    letters = dead_letters.peek(queues.session.name)
    assert sorted(letter.body for letter in letters) == [f"invalid {user}" for user in USERS]
    assert {letter.reason for letter in letters} != {""}
