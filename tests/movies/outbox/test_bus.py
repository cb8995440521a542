"""A running process creates missing queues, and changes no existing ones."""

import json

import pytest
from botocore.exceptions import ClientError

from movies.outbox import bus
from sessions_ingest.consumer.protocols import QueueUnavailable
from sessions_ingest.consumer.sqs import SqsQueue
from tests.servers.queues import Queues

pytestmark = pytest.mark.sqs_servers("embedded", "elasticmq")


def attribute(url: str, name: str) -> str:
    found = bus.shared_client().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found[name]  # type: ignore[index]


@pytest.fixture
def set_by_an_operator(queues: Queues) -> bus.Queue:
    attributes = {"VisibilityTimeout": "77"}
    bus.shared_client().set_queue_attributes(QueueUrl=queues.session.url, Attributes=attributes)  # type: ignore[arg-type]
    return queues.session


def test_a_consumer_keeps_the_attributes_that_an_operator_set(
    set_by_an_operator: bus.Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: object, **kwargs: object) -> None:
        raise AssertionError("a consumer has no right to this")

    for call in ("set_queue_attributes", "create_queue", "get_queue_attributes"):
        monkeypatch.setattr(bus.shared_client(), call, refused)
    SqsQueue(set_by_an_operator.name, 60).ensure_exists()
    monkeypatch.undo()
    assert attribute(set_by_an_operator.url, "VisibilityTimeout") == "77"


def test_ensure_queues_updates_attributes(set_by_an_operator: bus.Queue) -> None:
    bus.ensure_queues()
    assert attribute(set_by_an_operator.url, "VisibilityTimeout") == "60"


def test_a_consumer_creates_its_missing_queues(queues: Queues) -> None:
    for url in (queues.session.url, queues.session.dead_url):
        bus.shared_client().delete_queue(QueueUrl=url)
    consumer = SqsQueue(queues.session.name, 60)
    consumer.ensure_exists()
    assert consumer.receive(0) == []
    url = bus.queue(queues.session.name).url
    redrive = json.loads(attribute(url, "RedrivePolicy"))
    assert redrive["deadLetterTargetArn"].endswith(f":{bus.dead_letter_queue_name(queues.session.name)}")
    assert attribute(url, "VisibilityTimeout") == "60"


def test_a_missing_queue_that_must_not_be_created_is_unavailable(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.shared_client().delete_queue(QueueUrl=queues.session.url)

    def denied(*args: object, **kwargs: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no right to it"}}, "CreateQueue")

    monkeypatch.setattr(bus.shared_client(), "create_queue", denied)
    with pytest.raises(QueueUnavailable, match="no right to it"):
        SqsQueue(queues.session.name, 60).ensure_exists()
    monkeypatch.undo()
    bus.ensure_queues()
