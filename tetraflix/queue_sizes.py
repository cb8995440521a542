"""How many messages wait, and how many were put aside, in the queues of this service."""

import threading
import time
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from movies import bus

KEPT_SECONDS = 3.0  # an answer is kept for: each look is a paid request a queue


class QueueSize(NamedTuple):
    """Messages of one queue: waiting or in hand, and put aside (Celery's own queue puts none aside)."""

    depth: int
    dead: int


class QueueSizes:
    """The sizes of all queues, asked for at most every KEPT_SECONDS whoever calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._sizes: dict[str, QueueSize] | None = None

    def __call__(self) -> dict[str, QueueSize] | None:
        """By queue name; None when SQS does not answer at once, or a queue is missing."""
        with self._lock:
            if time.monotonic() - self._asked > KEPT_SECONDS:
                try:
                    self._sizes = _ask()
                except (BotoCoreError, ClientError):
                    self._sizes = None
                self._asked = time.monotonic()
            return self._sizes


def _ask() -> dict[str, QueueSize]:
    sizes = {name: QueueSize(_depth(name), _depth(bus.dead_name(name))) for name in bus.domain_queue_names()}
    return sizes | {settings.CELERY_QUEUE: QueueSize(_depth(settings.CELERY_QUEUE), 0)}


def _depth(name: str) -> int:
    sqs = bus.quick_client()
    attributes = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return sum(int(number) for number in attributes.values())


queue_sizes = QueueSizes()
