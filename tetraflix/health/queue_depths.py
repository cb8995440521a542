"""How many messages wait, and how many are dead-lettered, in the queues of this service."""

from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from movies.outbox import bus
from tetraflix.health.background_check import Background

KEPT_SECONDS = 3.0  # an answer is kept for: each look is a paid request a queue


class QueueDepth(NamedTuple):
    """Messages of one queue: waiting or in hand, and dead-lettered."""

    depth: int
    dead: int


def _ask() -> dict[str, QueueDepth] | None:
    """By queue name; None when SQS does not answer, or a queue is missing."""
    try:
        return {
            name: QueueDepth(_depth(name), _depth(bus.dead_letter_queue_name(name)))
            for name in bus.queue_names()
        }
    except (BotoCoreError, ClientError):
        return None


def _depth(name: str) -> int:
    sqs = bus.quick_client()
    attributes = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return sum(int(number) for number in attributes.values())


class QueueDepths(Background[dict[str, QueueDepth] | None]):
    """The sizes of all queues by name, asked for at most every KEPT_SECONDS; None when SQS does not tell them."""

    def __init__(self) -> None:
        super().__init__(_ask, every=KEPT_SECONDS)


queue_sizes = QueueDepths()
