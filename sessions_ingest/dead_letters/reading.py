"""Reads dead letters from SQS: lists them, and holds them for those who act on them."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.utils import timezone

from movies.outbox import bus
from sessions_ingest.consumer.sqs import first_sent

# SQS lists a message only by delivering it, which hides it from others: for this long if this process dies, else
# until it is released.
VISIBILITY_SECONDS = 60
MAX_SECONDS = 45.0  # for one call on one queue; then it ends, and reports what is left
PEEK_LIMIT = 100  # messages that `peek` returns unless asked for more


class DeadLettersUnavailable(Exception):
    """SQS is unavailable, or the queue does not exist."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in a dead-letter queue."""

    queue: str  # that it was sent to
    id: str  # in the dead-letter queue, as long as it stays there
    body: str
    reason: str  # "" when SQS dead-lettered it: the consumer's log has the errors
    receives: int  # deliveries before it was dead-lettered; if SQS did that, also those since
    sent_at: datetime
    raw: Any = field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """Bytes of the body in a request."""
        return len(self.body.encode())


def count(queue_name: str) -> int:
    """The number of dead letters, as SQS estimates it. Raises DeadLettersUnavailable."""
    with available(queue_name) as queue:
        return bus.depth(queue.dead_url)


def peek(queue_name: str, *, limit: int = PEEK_LIMIT) -> list[DeadLetter]:
    """Up to `limit` dead letters of the queue, by the time they were sent, released again afterwards.

    Of a FIFO queue SQS delivers only the first ten of each group. Raises DeadLettersUnavailable.
    """
    with available(queue_name) as queue:
        letters: list[DeadLetter] = []
        try:
            for batch in received(queue, at_most=limit):
                letters += batch
        finally:
            release(queue, letters)
    return sorted(letters, key=lambda letter: letter.sent_at)


def find(queue_name: str, id_: str, *, seconds: float = MAX_SECONDS) -> DeadLetter | None:
    """The dead letter with this id; None if it is not found within the time. Raises DeadLettersUnavailable."""
    with available(queue_name) as queue:
        seen: list[DeadLetter] = []
        try:
            for batch in received(queue, seconds=seconds):
                seen += batch
                for letter in batch:
                    if letter.id == id_:
                        return letter
        finally:
            release(queue, seen)
    return None


@contextmanager
def available(queue_name: str) -> Iterator[bus.Queue]:
    """The queue. Raises DeadLettersUnavailable for what the block raises because of SQS."""
    try:
        yield bus.queue(queue_name)
    except (BotoCoreError, ClientError) as error:
        raise DeadLettersUnavailable(f"The dead letters of {queue_name} are unavailable: {error}") from error


def received(
    queue: bus.Queue, *, at_most: int | None = None, seconds: float = MAX_SECONDS
) -> Iterator[list[DeadLetter]]:
    """The messages in the dead-letter queue, each once, a batch for each request, hidden from other receivers."""
    sqs = bus.shared_client()
    started_at, started = timezone.now(), time.monotonic()
    left = bus.depth(queue.dead_url)
    left = left if at_most is None else min(left, at_most)
    seen: set[str] = set()
    while left > 0 and time.monotonic() - started < seconds:
        messages = sqs.receive_message(
            QueueUrl=queue.dead_url,
            MaxNumberOfMessages=min(left, bus.MAX_BATCH_SIZE),
            VisibilityTimeout=VISIBILITY_SECONDS,
            # A long poll queries all of SQS's servers; a short one only some, and may return nothing.
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount", "MessageGroupId"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return
        letters = [_letter(queue.name, raw) for raw in messages]
        left -= len(letters)
        # Without this a message that is redriven and fails again would go round for ever.
        fresh = [
            letter for letter in letters if letter.id not in seen and _dead_lettered_at(letter) <= started_at
        ]
        seen.update(letter.id for letter in letters)
        release(queue, [letter for letter in letters if letter not in fresh])
        yield fresh


def _letter(queue_name: str, raw: Any) -> DeadLetter:
    attributes = {
        name: value.get("StringValue", "") for name, value in raw.get("MessageAttributes", {}).items()
    }
    counted = attributes.get("receive-count", "")
    return DeadLetter(
        queue=queue_name,
        id=raw["MessageId"],
        body=raw.get("Body", ""),
        reason=attributes.get("reason", ""),
        receives=int(counted) if counted.isdecimal() else int(raw["Attributes"]["ApproximateReceiveCount"]),
        sent_at=first_sent(raw),
        raw=raw,
    )


def _dead_lettered_at(letter: DeadLetter) -> datetime:
    return datetime.fromtimestamp(
        int(letter.raw["Attributes"]["SentTimestamp"]) / 1000, tz=timezone.get_default_timezone()
    )


def delete(queue: bus.Queue, letters: Sequence[DeadLetter]) -> None:
    """Deletes the letters from the dead-letter queue."""
    for entries in _entries(letters):
        bus.shared_client().delete_message_batch(QueueUrl=queue.dead_url, Entries=entries)


def release(queue: bus.Queue, letters: Sequence[DeadLetter]) -> None:
    """Has SQS deliver the letters to others at once."""
    for entries in _entries(letters):
        bus.shared_client().change_message_visibility_batch(
            QueueUrl=queue.dead_url, Entries=[entry | {"VisibilityTimeout": 0} for entry in entries]
        )


def _entries(letters: Sequence[DeadLetter]) -> Iterator[list[Any]]:
    for start in range(0, len(letters), bus.MAX_BATCH_SIZE):
        yield [
            {"Id": letter.id, "ReceiptHandle": letter.raw["ReceiptHandle"]}
            for letter in letters[start : start + bus.MAX_BATCH_SIZE]
        ]
