"""The faults of kombu's SQS transport that tetraflix/background/sqs_broker.py works around, in kombu's own classes.

A test that fails here is good news: kombu has changed, and the override that the message names can go.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Connection
from kombu.asynchronous import Hub, get_event_loop, set_event_loop
from kombu.asynchronous.aws.sqs.connection import AsyncSQSConnection
from kombu.transport import SQS

KOMBU = version("kombu")
URL = "http://127.0.0.1:9/000000000000/celery"  # the discard port: nothing here is sent anywhere
QUEUE = {"url": URL, "region": "us-east-1", "access_key_id": "x", "secret_access_key": "x"}


def connect(queue: dict[str, Any] = QUEUE) -> Connection:
    """A connection with kombu's own classes to a queue that the settings name."""
    options = {"region": "us-east-1", "is_secure": False, "predefined_queues": {"celery": queue}}
    return Connection("sqs://x:x@127.0.0.1:9//", transport=SQS.Transport, transport_options=options)


@pytest.fixture
def channel() -> Iterator[Any]:
    with connect() as connection:
        channel: Any = connection.channel()
        channel.connection._callbacks["celery"] = lambda message: None  # a consumer
        yield channel


def asynchronous(channel: Any) -> Any:
    """As kombu's Channel.asynsqs makes it, without an HTTP client."""
    return AsyncSQSConnection(sqs_connection=channel.sqs("celery"), http_client=object())


@contextmanager
def fault(override: str, *errors: type[Exception]) -> Iterator[None]:
    """kombu still raises one of these errors inside the block."""
    try:
        yield
    except errors:
        return
    pytest.fail(f"kombu {KOMBU} does not fail here any more: {override} can go")


@pytest.mark.parametrize("body", ['{"properties": 5}', '{"properties": {"delivery_info": 5}}'])
def test_kombu_raises_for_a_message_that_is_no_task(channel: Any, body: str) -> None:
    message = {"Body": body, "ReceiptHandle": "handle", "MessageId": "id"}
    with fault("the dead-lettering in Channel._on_messages_ready", AttributeError, TypeError):
        channel._on_messages_ready(URL, "celery", {"Messages": [message]})


def test_kombu_raises_for_a_task_that_celery_refuses(channel: Any) -> None:
    def refuse(message: dict[str, Any]) -> None:
        raise LookupError("no such task")

    channel.connection._callbacks["celery"] = refuse
    message = {"Body": '{"properties": {}}', "ReceiptHandle": "handle", "MessageId": "id"}
    with fault("Channel._pass_to_celery", LookupError):
        channel._on_messages_ready(URL, "celery", {"Messages": [message]})


def test_kombu_raises_for_an_endpoint_that_is_unavailable(channel: Any) -> None:
    unavailable = SimpleNamespace(status=599)
    answer = asynchronous(channel)._on_list_ready(None, [], "ReceiveMessage", unavailable)
    with fault("the check for an empty answer in Channel._on_messages_ready", AttributeError):
        channel._on_messages_ready(URL, "celery", answer)


def test_kombu_raises_no_connection_error_for_an_error_of_sqs(channel: Any) -> None:
    refused = SimpleNamespace(status=400, reason="Bad Request", read=lambda: json.dumps({"__type": "gone"}))
    with pytest.raises(Exception, match="400") as error:
        asynchronous(channel)._on_list_ready(None, [], "ReceiveMessage", refused)
    assert not isinstance(error.value, SQS.Transport.connection_errors), (
        f"kombu {KOMBU} raises a connection error: Channel.asynsqs can go"
    )


def test_kombu_wants_the_url_of_a_queue_in_its_settings() -> None:
    unnamed = {name: value for name, value in QUEUE.items() if name != "url"}
    with fault("PredefinedQueue", KeyError), connect(unnamed) as connection:
        connection.channel()


def test_kombu_gives_no_event_loop_to_channels_after_a_reset() -> None:
    before, loop = get_event_loop(), Hub()
    try:
        set_event_loop(loop)
        loop.reset()  # as Celery does after a lost connection
        with connect() as connection:
            channel: Any = connection.channel()
            connection.transport.register_with_event_loop(connection, loop)
            assert channel.hub is None, (
                f"kombu {KOMBU} gives channels their loop: Transport.register_with_event_loop can go"
            )
    finally:
        loop.close()
        set_event_loop(before)
