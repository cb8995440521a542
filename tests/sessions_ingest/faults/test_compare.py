"""The comparison finds nothing when all is right, and names each row that is not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from benchmarks.faults import compare
from benchmarks.faults.actions import Actions
from benchmarks.faults.model import InventoryModel, Said
from benchmarks.faults.traffic import MOVIES, SESSIONS, Traffic
from movies.inventory import services
from movies.outbox import bus, publisher
from movies.viewing import recency
from sessions_ingest.consumer.receiver import Counts
from tests.servers.queues import Queues

pytestmark = pytest.mark.django_db(transaction=True)
BODY = '{"userId": 7, "events": [{"movie": {"id": 5}, "progress": 1, "timestamp": "2017-09-08 2:50PM"}]}'
AT = int(datetime(2017, 9, 8, 14, 50, tzinfo=UTC).timestamp())
BEGUN = (
    '{"userId": 7, "groupId": 1, "events": [{"movie": {"id": 6, "isRec": true, "rating": 4}, "progress": 0.5,'
    ' "timestamp": "2017-09-08 2:50PM"}]}'
)


@dataclass
class Applied:
    """A few messages, applied by the service and known to the model."""

    world: Any
    traffic: Traffic
    inventory: InventoryModel

    def differences(self) -> list[str]:
        return compare.compare(self.world, self.traffic, self.inventory)[0].first


@pytest.fixture
def applied(
    database_url: str,
    queues: Queues,
    drain: Callable[[], Counts],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Applied:
    monkeypatch.setattr(compare, "CHANGES", settings.CHANGES_QUEUE)
    urls = {settings.CHANGES_QUEUE: queues.changes.url}
    for name, queue in (("sessionData", queues.session), ("userRecs", queues.recs)):
        urls |= {name: queue.url, f"{name}-dead": queue.dead_url}
    world: Any = SimpleNamespace(
        postgres=SimpleNamespace(url=database_url),
        direct=bus.shared_client(),
        url=urls.__getitem__,
        consumer=None,
        second=None,
        publisher=None,
        postgres_proxy=None,
        sqs_proxy=None,
    )
    traffic, inventory = Traffic(1, 100, datetime.now(UTC)), InventoryModel()
    actions = Actions(world, inventory)
    actions.add_movies(list(MOVIES)[:8])
    traffic.model.recommended(7, [5, 8])
    traffic.model.watched(7, 5, 1, AT, AT + 1)
    traffic.model.watched(7, 6, 0.5, AT, AT + 1, Said(is_rec=True, group="1", rated=True))
    traffic.invalid[SESSIONS] = {"not JSON 1": "not valid JSON"}
    send = bus.shared_client().send_message
    send(QueueUrl=queues.recs.url, MessageBody='{"userId": 7, "rec": [5, 8]}')
    drain()
    for body in (BODY, BEGUN, "not JSON 1"):
        send(QueueUrl=queues.session.url, MessageBody=body)
    drain()
    services.change_movie(actor="test", movie_id=3, title="Heat")
    inventory.change(3, title="Heat")
    publisher.publish(seconds=30)
    return Applied(world, traffic, inventory)


def test_nothing_differs_when_all_is_right(applied: Applied) -> None:
    found, rows = compare.compare(applied.world, applied.traffic, applied.inventory)
    assert found.first == []
    assert found.count == 0
    assert dict(rows) == {
        "views": 1,
        "starts": 2,
        "raters": 1,
        "counters": 1,
        "marked users": 1,
        "genre-days": 3,
        "movies": 8,
        "lists": 1,
        "outbox messages": 9,
        "dead letters": 1,
    }


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (
            [
                "INSERT INTO movies_view VALUES (7, 5, '2017-09-09')",
                "UPDATE movies_viewcount SET views = 2, recent = 3 WHERE movie_id = 5",
                "DELETE FROM movies_genreviews WHERE genre = 'drama'",
                "UPDATE recommendations_userlists SET recommended = '{5}', progress = '{0.4}'",
                "UPDATE recommendations_start SET is_rec = false WHERE movie_id = 6",
                "INSERT INTO recommendations_start VALUES (7, 9, '2017-09-08T14:50:00Z')",
                "UPDATE recommendations_rater SET rated_at = '1970-01-01T00:00:09Z'",
            ],
            [
                "view of movie 5 by user 7 at 2017-09-09 00:00:00+00:00: not in the model",
                f"start of movie 6 by user 7: stored {(float(AT), False, '1')}, the model says {(AT, True, '1')}",
                f"start of movie 9 by user 7: stored {(float(AT), None, None)}, the model says None",
                "starts of user 7: stored 3, the model says 2",
                f"rating of user 7: stored 9.0, the model says {AT}",
                "view count of movie 5: stored 2, the model says 1",
                f"recent views of movie 5: stored 3, the model says {recency.weight(date(2017, 9, 8), 90)}",
                "genre-day (datetime.date(2017, 9, 8), 'drama'): stored None, the model says 30",
                f"currently watching of user 7: stored [(6, 0.4, {AT})], the model says [(6, 0.5, {AT})]",
                "recommendations of user 7: stored [5], the model says [8]",
            ],
        ),
        (
            [
                "DELETE FROM movies_view",
                "DELETE FROM recommendations_userlists",
                "DELETE FROM recommendations_start",
                "DELETE FROM recommendations_rater",
                "UPDATE recommendations_changeduser SET mark = NULL",
                "UPDATE movies_moviechange SET sent_at = NULL WHERE movie_id = 3 AND version = 2",
            ],
            [
                "view of movie 5 by user 7 at 2017-09-08 14:50:00+00:00: not stored",
                "starts of user 7: stored 0, the model says 2",
                f"rating of user 7: stored None, the model says {AT}",
                "user 7: not marked after a finish",
                "changes not sent: stored [(3, 2)], the model says []",
                "lists of user 7: not stored",
            ],
        ),
    ],
    ids=["wrong", "lost"],
)
def test_each_row_that_differs_is_named(applied: Applied, statements: list[str], expected: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    assert applied.differences() == expected


def test_lost_and_unexpected_messages_are_named(applied: Applied, queues: Queues) -> None:
    send = bus.shared_client().send_message
    send(QueueUrl=queues.recs.dead_url, MessageBody="{}")
    applied.traffic.invalid[SESSIONS]["not JSON 2"] = "not valid JSON"
    del applied.inventory.changes[3, 2]
    applied.inventory.changes[4, 2] = ("deleted", None)
    found = applied.differences()
    assert len(found) == 4
    assert found[0].startswith("outbox message (3, 2): stored ('updated', ('Heat', ")
    assert found[1] == "outbox message (4, 2): stored None, the model says ('deleted', None)"
    assert found[2] == (
        "dead letter of sessionData 'not JSON 2': reason 'not there', expected 'not valid JSON'"
    )
    assert found[3] == ("dead letter of userRecs '{}': reason 'none: SQS dead-lettered it', expected None")
