"""Dead-letters a message and receives messages, as the consumer does."""

from datetime import UTC, datetime

from movies.outbox import bus
from sessions_ingest.consumer.protocols import Message
from sessions_ingest.consumer.sqs import SqsQueue

LONG_AGO = datetime(2017, 9, 8, 14, 50, tzinfo=UTC)


def dead_letter(
    queue: bus.Queue, body: str, *, reason: str = "no user", sent_at: datetime = LONG_AGO
) -> None:
    """Dead-letters a message as the consumer does."""
    message = Message(id="original", receipt="", body=body, sent_at=sent_at, receives=3)
    assert SqsQueue(queue.name, 60).dead_letter([(message, reason)]) == [message]


def receive(queue: bus.Queue) -> list[Message]:
    """Receives and deletes all messages, as the consumer does."""
    consumer = SqsQueue(queue.name, 60)
    received: list[Message] = []
    while messages := consumer.receive(1):
        consumer.delete(messages)
        received += messages
    return received
