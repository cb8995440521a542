"""Creates and finds the SQS queues by name, each with its dead-letter queue."""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from django.conf import settings

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

    Attributes = dict[QueueAttributeNameType, str]

LONG_POLL_SECONDS = 20  # the longest that SQS offers: the fewest paid requests while idle
CONNECT_SECONDS = 2.0
READ_SECONDS = LONG_POLL_SECONDS + 10.0
RETENTION_SECONDS = 14 * 24 * 3600  # the longest that SQS keeps a message
MAX_BATCH_SIZE = 10  # messages in one SQS request
DEAD_LETTER_ATTRIBUTES: "Attributes" = {"MessageRetentionPeriod": str(RETENTION_SECONDS)}
# The queue of Celery tasks. SQS redelivers an interrupted task after the visibility timeout, and dead-letters one
# that kills its worker repeatedly. Retention is short, so that few tasks pile up while no worker runs: beat or the
# next change sends every task again.
TASKS_VISIBILITY_SECONDS = 600
TASKS_MAX_RECEIVES = 5
TASKS_RETENTION_SECONDS = 4 * 3600  # longer than all these receives take


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue, and the dead-letter queue for its messages that can never be applied."""

    name: str
    url: str
    dead_url: str


@functools.cache
def aws_session() -> boto3.Session:
    """The region and the credentials of the settings."""
    credentials: dict[str, Any] = {}
    if settings.SQS_DUMMY_CREDENTIALS:
        credentials = {"aws_access_key_id": "embedded", "aws_secret_access_key": "embedded"}
    return boto3.Session(region_name=settings.SQS_REGION, **credentials)


def make_client(
    *, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS
) -> "SQSClient":
    """A new SQS client, which threads may share."""
    return aws_session().client(
        "sqs",
        endpoint_url=settings.SQS_ENDPOINT or None,
        config=Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            retries={"mode": "standard", "max_attempts": 2},
        ),
    )


@functools.cache
def shared_client() -> "SQSClient":
    """The process's client for all but long polls and health checks."""
    return make_client()


@functools.cache
def quick_client() -> "SQSClient":
    """A client for health checks and pages: SQS counts as unavailable after a second without an answer."""
    return make_client(connect_seconds=1, read_seconds=1)


def domain_queue_names() -> tuple[str, str, str]:
    """The queues of raw JSON messages: two that the service consumes, and the one it publishes to."""
    return settings.SESSION_QUEUE, settings.RECS_QUEUE, settings.CHANGES_QUEUE


def queue_names() -> tuple[str, ...]:
    """The queues of raw JSON messages and the queue of Celery tasks, without dead-letter queues."""
    return *domain_queue_names(), settings.CELERY_QUEUE


def dead_letter_queue_name(name: str) -> str:
    """The name of a queue's dead-letter queue: `x` -> `x-dead`, `x.fifo` -> `x-dead.fifo`."""
    stem, fifo, _ = name.partition(".fifo")
    return f"{stem}-dead{fifo}"


@functools.lru_cache(maxsize=64)
def queue(name: str) -> Queue:
    """The queue of this name. Raises ClientError (QueueDoesNotExist) before `ensure_queues` created it."""
    sqs = shared_client()
    return Queue(
        name,
        sqs.get_queue_url(QueueName=name)["QueueUrl"],
        sqs.get_queue_url(QueueName=dead_letter_queue_name(name))["QueueUrl"],
    )


def ensure_queues(names: Iterable[str] | None = None) -> list[Queue]:
    """Creates missing queues, with redrive policies, and updates the attributes of all. Safe to repeat.

    For the start of the stack and `manage.py ensure_queues`. A running process calls `create_missing_queue` instead,
    because that keeps attributes that an operator changed.
    """
    names = tuple(names or domain_queue_names())
    for name in (*names, settings.CELERY_QUEUE):
        _ensure(dead_letter_queue_name(name), DEAD_LETTER_ATTRIBUTES)
        _ensure(name, _attributes(name))
    queue.cache_clear()
    return [queue(name) for name in names]


def create_missing_queue(name: str) -> None:
    """Creates the queue and its dead-letter queue where they are missing; existing ones are left unchanged.

    Needs only the permission sqs:GetQueueUrl while nothing is missing. Raises ClientError, also when a queue is
    missing and must not be created.
    """
    queue.cache_clear()
    _find(dead_letter_queue_name(name)) or _create(dead_letter_queue_name(name), DEAD_LETTER_ATTRIBUTES)
    _find(name) or _create(name, _attributes(name))


def _attributes(name: str) -> "Attributes":
    """The attributes of a queue whose dead-letter queue exists."""
    dead_url = shared_client().get_queue_url(QueueName=dead_letter_queue_name(name))["QueueUrl"]
    arn = shared_client().get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]
    retention, visibility = RETENTION_SECONDS, settings.QUEUE_VISIBILITY_SECONDS
    receives = settings.QUEUE_MAX_RECEIVES
    if name == settings.CELERY_QUEUE:
        retention, visibility = TASKS_RETENTION_SECONDS, TASKS_VISIBILITY_SECONDS
        receives = TASKS_MAX_RECEIVES
    redrive = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": str(receives)}
    return {
        "MessageRetentionPeriod": str(retention),
        "VisibilityTimeout": str(visibility),
        "ReceiveMessageWaitTimeSeconds": str(LONG_POLL_SECONDS),
        "RedrivePolicy": json.dumps(redrive),
    }


def is_missing_queue(error: ClientError) -> bool:
    """Whether SQS says that the queue does not exist, as an embedded server does after it was killed."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return "NonExistentQueue" in code or "QueueDoesNotExist" in code


def _ensure(name: str, attributes: "Attributes") -> None:
    if url := _find(name):
        shared_client().set_queue_attributes(QueueUrl=url, Attributes=attributes)
    else:
        _create(name, attributes)


def _find(name: str) -> str | None:
    """The queue's URL; None when there is no such queue."""
    try:
        return shared_client().get_queue_url(QueueName=name)["QueueUrl"]
    except ClientError as error:
        if not is_missing_queue(error):
            raise
        return None


def _create(name: str, attributes: "Attributes") -> str:
    fifo: Attributes = {}
    if name.endswith(".fifo"):
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return shared_client().create_queue(QueueName=name, Attributes={**attributes, **fifo})["QueueUrl"]


def depth(url: str) -> int:
    """The approximate number of messages, visible or in flight."""
    attributes = shared_client().get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return sum(int(number) for number in attributes.values())
