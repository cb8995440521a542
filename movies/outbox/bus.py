"""The message bus: SQS queues by name, each with its dead-letter queue."""

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
KEEP_SECONDS = 14 * 24 * 3600  # the longest that SQS keeps a message
BATCH = 10  # messages in one SQS request, at most
DEAD_ATTRIBUTES: "Attributes" = {"MessageRetentionPeriod": str(KEEP_SECONDS)}
# The queue of the service's own tasks. A task that was cut short is shown again after the visibility timeout; one
# that ends its worker again and again is dead-lettered by SQS. Every task is sent anew by beat or by the next change,
# so none is worth keeping longer: what piles up while no worker runs stays small.
TASKS_VISIBILITY_SECONDS = 600
TASKS_MAX_RECEIVES = 5
TASKS_KEEP_SECONDS = 4 * 3600  # longer than all these receives take


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and where its messages go that can never be applied."""

    name: str
    url: str
    dead_url: str


@functools.cache
def session() -> boto3.Session:
    """Region and credentials."""
    credentials: dict[str, Any] = {}
    if settings.SQS_DUMMY_CREDENTIALS:
        credentials = {"aws_access_key_id": "embedded", "aws_secret_access_key": "embedded"}
    return boto3.Session(region_name=settings.SQS_REGION, **credentials)


def client(*, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS) -> "SQSClient":
    """A new SQS client, which threads may share."""
    return session().client(
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
    """The process's one client."""
    return client()


@functools.cache
def quick_client() -> "SQSClient":
    """For looks that somebody waits for: an SQS that does not answer within a second is away."""
    return client(connect_seconds=1, read_seconds=1)


def domain_queue_names() -> tuple[str, str, str]:
    """The queues of raw JSON messages: the two that come in, the one that goes out."""
    return settings.SESSION_QUEUE, settings.RECS_QUEUE, settings.CHANGES_QUEUE


def queue_names() -> tuple[str, ...]:
    """Every queue of the service, each with its dead-letter queue: also that of its own tasks."""
    return *domain_queue_names(), settings.CELERY_QUEUE


def dead_name(name: str) -> str:
    """The name of a queue's dead-letter queue: `x` -> `x-dead`, `x.fifo` -> `x-dead.fifo`."""
    stem, fifo, _ = name.partition(".fifo")
    return f"{stem}-dead{fifo}"


@functools.lru_cache(maxsize=64)
def queue(name: str) -> Queue:
    """The queue of this name. Raises ClientError (QueueDoesNotExist) before `ensure_queues` made it."""
    sqs = shared_client()
    return Queue(
        name,
        sqs.get_queue_url(QueueName=name)["QueueUrl"],
        sqs.get_queue_url(QueueName=dead_name(name))["QueueUrl"],
    )


def ensure_queues(names: Iterable[str] | None = None) -> list[Queue]:
    """Creates what is missing, with redrive policies, and brings attributes up to date. Safe to repeat.

    For a start of the stack and for `manage.py ensure_queues`: a process at work has no business to undo what an
    operator set, and calls `create_missing` instead.
    """
    names = tuple(names or domain_queue_names())
    for name in (*names, settings.CELERY_QUEUE):
        _ensure(dead_name(name), DEAD_ATTRIBUTES)
        _ensure(name, _attributes(name))
    queue.cache_clear()
    return [queue(name) for name in names]


def create_missing(name: str) -> None:
    """The queue of this name is there, with its dead-letter queue; one that was there is left as it is.

    Where nothing is missing this needs the right sqs:GetQueueUrl alone. Raises ClientError, also where a queue
    is missing that may not be created.
    """
    queue.cache_clear()
    _find(dead_name(name)) or _create(dead_name(name), DEAD_ATTRIBUTES)
    _find(name) or _create(name, _attributes(name))


def _attributes(name: str) -> "Attributes":
    """Of a queue whose dead-letter queue is there."""
    dead_url = shared_client().get_queue_url(QueueName=dead_name(name))["QueueUrl"]
    arn = shared_client().get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]
    keep, visibility, receives = KEEP_SECONDS, settings.QUEUE_VISIBILITY_SECONDS, settings.QUEUE_MAX_RECEIVES
    if name == settings.CELERY_QUEUE:
        keep, visibility, receives = TASKS_KEEP_SECONDS, TASKS_VISIBILITY_SECONDS, TASKS_MAX_RECEIVES
    redrive = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": str(receives)}
    return {
        "MessageRetentionPeriod": str(keep),
        "VisibilityTimeout": str(visibility),
        "ReceiveMessageWaitTimeSeconds": str(LONG_POLL_SECONDS),
        "RedrivePolicy": json.dumps(redrive),
    }


def is_gone(error: ClientError) -> bool:
    """Whether SQS says that there is no such queue: an embedded server that was killed comes back without."""
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
        if not is_gone(error):
            raise
        return None


def _create(name: str, attributes: "Attributes") -> str:
    fifo: Attributes = {}
    if name.endswith(".fifo"):
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return shared_client().create_queue(QueueName=name, Attributes={**attributes, **fifo})["QueueUrl"]


def depth(url: str) -> int:
    """Messages waiting or being worked on."""
    attributes = shared_client().get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return sum(int(number) for number in attributes.values())
