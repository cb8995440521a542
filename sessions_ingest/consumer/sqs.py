"""The MessageQueue of the consumer on SQS: receives, deletes, releases and dead-letters messages."""

import logging
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from movies.foundation.events import queue_polled
from movies.outbox import bus
from sessions_ingest.consumer.protocols import Message, QueueUnavailable
from sessions_ingest.consumer.sqs_calls import make_calls

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import MessageSystemAttributeNameType

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# named, because "All" makes every response longer
ATTRIBUTES: "list[MessageSystemAttributeNameType]" = [
    "SentTimestamp",
    "ApproximateReceiveCount",
    "MessageGroupId",
]
# Attribute of a dead-lettered message: when it was first sent. A redriven message keeps that time, because events
# without a time happened then, and a list of recommendations is as old.
SENT_AT = "sent-at"
DELETE_TRIES = 3
MAX_REASON_LENGTH = 500  # characters; SQS limits the size of body and attributes
HOLD_SHARE = 0.6  # of the visibility timeout, to leave time to apply and delete


class SqsQueue:
    """A MessageQueue for one thread, with its own connection."""

    def __init__(self, name: str, visibility_seconds: float) -> None:
        self.name = name
        self.requests = 0
        self.hold_seconds = visibility_seconds * HOLD_SHARE
        self.longest_poll_seconds = bus.LONG_POLL_SECONDS
        self._call = make_calls(
            bus.aws_session(),
            bus.shared_client().meta.endpoint_url,
            connect_seconds=bus.CONNECT_SECONDS,
            read_seconds=bus.READ_SECONDS,
        )

    def receive(self, wait_seconds: int) -> list[Message]:
        with self._request():
            answer = self._call(
                "ReceiveMessage",
                {
                    "QueueUrl": bus.queue(self.name).url,
                    "MaxNumberOfMessages": bus.MAX_BATCH_SIZE,
                    "WaitTimeSeconds": wait_seconds,
                    "MessageSystemAttributeNames": ATTRIBUTES,
                    "MessageAttributeNames": [SENT_AT],
                },
            )
        queue_polled.send(sender=None, queue=self.name)
        return [_message(raw) for raw in answer.get("Messages", ())]

    def delete(self, messages: Sequence[Message]) -> None:
        left = {str(number): message.receipt for number, message in enumerate(messages)}
        for attempt in range(DELETE_TRIES):
            if attempt:
                time.sleep(0.05 * attempt)
            with self._request():
                answer = self._call(
                    "DeleteMessageBatch",
                    {
                        "QueueUrl": bus.queue(self.name).url,
                        "Entries": [{"Id": id_, "ReceiptHandle": receipt} for id_, receipt in left.items()],
                    },
                )
            # a sender fault is an expired receipt: the message is gone, or will be redelivered anyway
            left = {
                failed["Id"]: left[failed["Id"]]
                for failed in answer.get("Failed", ())
                if not failed.get("SenderFault")
            }
            if not left:
                return
        logger.warning("%s: %s messages not deleted, they will be redelivered", self.name, len(left))

    def release(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        with self._request():
            # over this thread's connection: at a stop, all receivers release at once
            self._call(
                "ChangeMessageVisibilityBatch",
                {
                    "QueueUrl": bus.queue(self.name).url,
                    "Entries": [
                        {"Id": str(number), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                        for number, message in enumerate(messages)
                    ],
                },
            )

    def dead_letter(self, invalid: Sequence[tuple[Message, str]]) -> list[Message]:
        # one by one, because ten large bodies do not fit into one request
        return [message for message, reason in invalid if self._dead_letter(message, reason)]

    def _dead_letter(self, message: Message, reason: str) -> bool:
        url = bus.queue(self.name).dead_url
        fifo: dict[str, Any] = {}
        if url.endswith(".fifo"):
            fifo = {"MessageGroupId": message.group or "poison", "MessageDeduplicationId": message.id}
        attributes = {
            "reason": reason[:MAX_REASON_LENGTH],
            "source-queue": self.name,
            "message-id": message.id,
            "receive-count": str(message.receives),
            SENT_AT: message.sent_at.isoformat(),
        }
        try:
            with self._request():
                bus.shared_client().send_message(
                    QueueUrl=url,
                    MessageBody=message.body,
                    MessageAttributes={
                        name: {"DataType": "String", "StringValue": _printable(value)}
                        for name, value in attributes.items()
                    },
                    **fifo,
                )
        except QueueUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in UNSENDABLE:
                # e.g. the body leaves no room for the reason: the redrive policy dead-letters it later
                logger.warning(
                    "%s: message %s is left to the redrive policy: %s", self.name, message.id, cause
                )
                return False
            raise
        return True

    def ensure_exists(self) -> None:
        with self._request():
            bus.create_missing_queue(self.name)

    def close(self) -> None:
        self._call.close()

    @contextmanager
    def _request(self) -> Iterator[None]:
        self.requests += 1
        try:
            yield
        except (BotoCoreError, ClientError, OSError) as error:
            raise QueueUnavailable(str(error)) from error


UNSENDABLE = {
    "InvalidMessageContents",
    "InvalidParameterValue",
    "AWS.SimpleQueueService.InvalidMessageContents",
    "MissingParameter",
}


def _message(raw: Any) -> Message:
    attributes = raw["Attributes"]
    return Message(
        id=raw["MessageId"],
        receipt=raw["ReceiptHandle"],
        body=raw.get("Body", ""),
        sent_at=first_sent(raw),
        receives=int(attributes.get("ApproximateReceiveCount", 1)),
        group=attributes.get("MessageGroupId"),
    )


def first_sent(raw: Any) -> datetime:
    """When a received message was first sent by its sender, not when it was redriven."""
    sent = EPOCH + timedelta(milliseconds=int(raw["Attributes"]["SentTimestamp"]))
    first = raw.get("MessageAttributes", {}).get(SENT_AT, {}).get("StringValue", "")
    try:
        return min(sent, datetime.fromisoformat(first))
    except (ValueError, TypeError):  # not redriven, or no time with a zone
        return sent


def _printable(text: str) -> str:
    """The text as SQS accepts it in an attribute: not empty, without control characters."""
    return re.sub(r"[^\x20-\x7e]", "?", text) or "?"
