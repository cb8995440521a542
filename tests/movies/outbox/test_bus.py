"""Who may change queues: a process at work makes what is missing, and changes nothing that is there."""

import json

import pytest
from botocore.exceptions import ClientError

from movies.outbox import bus
from sessions_ingest.consumer import QueueUnavailable
from sessions_ingest.sqs import SqsQueue
from tests.servers.queues import Queues


def attribute(url: str, name: str) -> str:
    found = bus.shared_client().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found[name]  # type: ignore[index]


@pytest.fixture
def set_by_an_operator(queues: Queues) -> bus.Queue:
    attributes = {"VisibilityTimeout": "77"}
    bus.shared_client().set_queue_attributes(QueueUrl=queues.session.url, Attributes=attributes)  # type: ignore[arg-type]
    return queues.session


def test_after_trouble_a_consumer_leaves_a_queue_as_an_operator_set_it(
    set_by_an_operator: bus.Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: object, **kwargs: object) -> None:
        raise AssertionError("a consumer has no right to this")

    for call in ("set_queue_attributes", "create_queue", "get_queue_attributes"):
        monkeypatch.setattr(bus.shared_client(), call, refused)
    SqsQueue(set_by_an_operator.name, 60).restore()
    monkeypatch.undo()
    assert attribute(set_by_an_operator.url, "VisibilityTimeout") == "77"


def test_ensure_queues_brings_attributes_up_to_date(set_by_an_operator: bus.Queue) -> None:
    bus.ensure_queues()
    assert attribute(set_by_an_operator.url, "VisibilityTimeout") == "60"


def test_after_trouble_a_consumer_makes_its_queues_that_are_gone(queues: Queues) -> None:
    for url in (queues.session.url, queues.session.dead_url):
        bus.shared_client().delete_queue(QueueUrl=url)
    consumer = SqsQueue(queues.session.name, 60)
    consumer.restore()
    assert consumer.receive(0) == []
    url = bus.queue(queues.session.name).url
    redrive = json.loads(attribute(url, "RedrivePolicy"))
    assert redrive["deadLetterTargetArn"].endswith(f":{bus.dead_letter_queue_name(queues.session.name)}")
    assert attribute(url, "VisibilityTimeout") == "60"


def test_a_queue_that_is_gone_and_may_not_be_made_is_waited_for(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.shared_client().delete_queue(QueueUrl=queues.session.url)

    def denied(*args: object, **kwargs: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no right to it"}}, "CreateQueue")

    monkeypatch.setattr(bus.shared_client(), "create_queue", denied)
    with pytest.raises(QueueUnavailable, match="no right to it"):
        SqsQueue(queues.session.name, 60).restore()
    monkeypatch.undo()
    bus.ensure_queues()
