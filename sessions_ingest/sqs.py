"""An SQS queue as the consumer's loop sees it: errors as QueueUnavailable, requests counted, poison explained."""

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
from sessions_ingest.consumer import Message, QueueUnavailable
from sessions_ingest.sqs_calls import SqsCalls

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import MessageSystemAttributeNameType

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# by name: "All" makes every answer longer
ATTRIBUTES: "list[MessageSystemAttributeNameType]" = [
    "SentTimestamp",
    "ApproximateReceiveCount",
    "MessageGroupId",
]
# When a message was sent first, on one that was put aside since: an event without a time happened then, and
# a list of recommendations is as old as that.
SENT_AT = "sent-at"
DELETE_TRIES = 3
LONGEST_REASON = 500  # characters; body and attributes together may not exceed what SQS takes


class SqsQueue:
    """A consumer.Queue on SQS, for one thread: each has its own connection."""

    def __init__(self, name: str, visibility_seconds: float) -> None:
        self.name = name
        self.requests = 0
        self.hold_seconds = visibility_seconds * 0.6  # with time left to apply and delete
        self._call = SqsCalls(
            bus.aws_session(),
            bus.shared_client().meta.endpoint_url,
            connect_seconds=bus.CONNECT_SECONDS,
            read_seconds=bus.READ_SECONDS,
        )

    def receive(self, wait_seconds: int | None = None) -> list[Message]:
        with self._asking():
            answer = self._call(
                "ReceiveMessage",
                {
                    "QueueUrl": bus.queue(self.name).url,
                    "MaxNumberOfMessages": bus.MAX_BATCH_SIZE,
                    "WaitTimeSeconds": bus.LONG_POLL_SECONDS if wait_seconds is None else wait_seconds,
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
            with self._asking():
                answer = self._call(
                    "DeleteMessageBatch",
                    {
                        "QueueUrl": bus.queue(self.name).url,
                        "Entries": [{"Id": id_, "ReceiptHandle": receipt} for id_, receipt in left.items()],
                    },
                )
            # the sender's fault: a receipt that ran out; the message is gone, or will be shown again anyway
            left = {
                failed["Id"]: left[failed["Id"]]
                for failed in answer.get("Failed", ())
                if not failed.get("SenderFault")
            }
            if not left:
                return
        logger.warning("%s: %s messages not deleted, they will be shown again", self.name, len(left))

    def release(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        with self._asking():
            bus.shared_client().change_message_visibility_batch(
                QueueUrl=bus.queue(self.name).url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                    for number, message in enumerate(messages)
                ],
            )

    def dead_letter(self, refused: Sequence[tuple[Message, str]]) -> list[Message]:
        # one by one: poison is rare, and ten large bodies do not fit into one request
        return [message for message, reason in refused if self._dead_letter(message, reason)]

    def _dead_letter(self, message: Message, reason: str) -> bool:
        url = bus.queue(self.name).dead_url
        fifo: dict[str, Any] = {}
        if url.endswith(".fifo"):
            fifo = {"MessageGroupId": message.group or "poison", "MessageDeduplicationId": message.id}
        attributes = {
            "reason": reason[:LONGEST_REASON],
            "source-queue": self.name,
            "message-id": message.id,
            "receive-count": str(message.receives),
            SENT_AT: message.sent_at.isoformat(),
        }
        try:
            with self._asking():
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
                # e.g. the body leaves no room for a reason: SQS itself moves it, in time
                logger.warning(
                    "%s: message %s is left to the redrive policy: %s", self.name, message.id, cause
                )
                return False
            raise
        return True

    def restore(self) -> None:
        with self._asking():
            bus.create_missing_queue(self.name)

    def close(self) -> None:
        self._call.close()

    @contextmanager
    def _asking(self) -> Iterator[None]:
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
    """When a received message was sent: by its sender, not by whoever put it back into the queue."""
    sent = EPOCH + timedelta(milliseconds=int(raw["Attributes"]["SentTimestamp"]))
    told = raw.get("MessageAttributes", {}).get(SENT_AT, {}).get("StringValue", "")
    try:
        return min(sent, datetime.fromisoformat(told))
    except (ValueError, TypeError):  # nobody put it aside, or it is no time with a zone
        return sent


def _printable(text: str) -> str:
    """Without what SQS refuses in an attribute: control characters and nothing at all."""
    return re.sub(r"[^\x20-\x7e]", "?", text) or "?"
