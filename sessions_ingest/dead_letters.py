"""Lists dead-lettered messages, redrives them into their queue after a fix, or discards them, with a record."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.utils import timezone

from movies.outbox import bus
from sessions_ingest.consumer.sqs import SENT_AT, first_sent
from sessions_ingest.models import DeadLetterAct

# SQS lists a message only by delivering it, which hides it from others: for this long if this process dies, else
# until it is released.
VISIBILITY_SECONDS = 60
MAX_SECONDS = 45.0  # for one call on one queue; then it ends, and reports what is left
MAX_REQUEST_BYTES = 200_000  # of bodies in one request: SQS takes 256 KiB, attributes included
PEEK_LIMIT = 100  # messages that `peek` returns unless asked for more
DEAD_LETTER_ATTRIBUTES = (
    "reason",
    "source-queue",
    "message-id",
    "receive-count",
)  # added when a message is dead-lettered, removed by a redrive


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


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What a redrive or a discard did."""

    done: int
    missing: tuple[str, ...] = ()  # requested ids that were not found
    unfinished: bool = False  # stopped by the time limit before the end of the queue


def count(queue_name: str) -> int:
    """The number of dead letters, as SQS estimates it. Raises DeadLettersUnavailable."""
    with _available(queue_name) as queue:
        return bus.depth(queue.dead_url)


def peek(queue_name: str, *, limit: int = PEEK_LIMIT) -> list[DeadLetter]:
    """Up to `limit` dead letters of the queue, by the time they were sent, released again afterwards.

    Of a FIFO queue SQS delivers only the first ten of each group. Raises DeadLettersUnavailable.
    """
    with _available(queue_name) as queue:
        letters: list[DeadLetter] = []
        try:
            for batch in _received(queue, at_most=limit):
                letters += batch
        finally:
            _release(queue, letters)
    return sorted(letters, key=lambda letter: letter.sent_at)


def redrive(
    queue_name: str, *, actor: str, ids: Collection[str] | None = None, seconds: float = MAX_SECONDS
) -> ActionResult:
    """Sends dead letters (all, or those with these ids) to their queue again, dated as they first were.

    Each is recorded first, then sent, then deleted: if this process dies in between, the message is in both
    queues, which counts once. Messages that are dead-lettered meanwhile stay there. Raises DeadLettersUnavailable.
    """
    return _act(queue_name, DeadLetterAct.Act.REDRIVEN, actor, ids, seconds, _send)


def discard(
    queue_name: str, *, actor: str, ids: Collection[str] | None = None, seconds: float = MAX_SECONDS
) -> ActionResult:
    """Deletes dead letters (all, or those with these ids); the record keeps their bodies.

    Raises DeadLettersUnavailable.
    """
    return _act(queue_name, DeadLetterAct.Act.DISCARDED, actor, ids, seconds, lambda queue, letters: letters)


def _act(
    queue_name: str,
    act: DeadLetterAct.Act,
    actor: str,
    ids: Collection[str] | None,
    seconds: float,
    action: Callable[[bus.Queue, list[DeadLetter]], list[DeadLetter]],
) -> ActionResult:
    wanted = None if ids is None else set(ids)
    done = 0
    started = time.monotonic()
    with _available(queue_name) as queue:
        others: list[DeadLetter] = []
        try:
            for batch in _received(queue, seconds=seconds):
                chosen = [letter for letter in batch if wanted is None or letter.id in wanted]
                others += [letter for letter in batch if letter not in chosen]
                for request in _requests(chosen):
                    done += _one_request(queue, act, actor, request, action)
                if wanted is not None:
                    wanted -= {letter.id for letter in chosen}
                    if not wanted:
                        break
        finally:
            _release(queue, others)
    over = time.monotonic() - started > seconds
    return ActionResult(done, tuple(sorted(wanted or ())), over)


def _one_request(
    queue: bus.Queue,
    act: DeadLetterAct.Act,
    actor: str,
    letters: list[DeadLetter],
    action: Callable[[bus.Queue, list[DeadLetter]], list[DeadLetter]],
) -> int:
    acts = DeadLetterAct.objects.bulk_create(
        DeadLetterAct(
            queue=queue.name,
            message_id=letter.id,
            act=act,
            actor=actor,
            reason=letter.reason,
            body=letter.body.replace("\x00", "\\x00"),  # PostgreSQL text cannot hold NUL
            sent_at=letter.sent_at,
        )
        for letter in letters
    )
    done = action(queue, letters)
    _release(queue, [letter for letter in letters if letter not in done])
    _delete(queue, done)
    ids = {letter.id for letter in done}
    DeadLetterAct.objects.filter(id__in=[act.id for act in acts if act.message_id in ids]).update(
        done_at=timezone.now()
    )
    return len(done)


@contextmanager
def _available(queue_name: str) -> Iterator[bus.Queue]:
    try:
        yield bus.queue(queue_name)
    except (BotoCoreError, ClientError) as error:
        raise DeadLettersUnavailable(f"The dead letters of {queue_name} are unavailable: {error}") from error


def _received(
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
        _release(queue, [letter for letter in letters if letter not in fresh])
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


def _requests(letters: Sequence[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """The letters in parts that each fit into one request."""
    request: list[DeadLetter] = []
    for letter in letters:
        if request and sum(each.size for each in request) + letter.size > MAX_REQUEST_BYTES:
            yield request
            request = []
        request.append(letter)
    if request:
        yield request


def _send(queue: bus.Queue, letters: list[DeadLetter]) -> list[DeadLetter]:
    """Sends the letters to their queue; returns those that it took."""
    entries = []
    for letter in letters:
        attributes = {
            name: {
                key: value
                for key, value in attribute.items()
                if key in {"DataType", "StringValue", "BinaryValue"}
            }
            for name, attribute in letter.raw.get("MessageAttributes", {}).items()
            if name not in DEAD_LETTER_ATTRIBUTES
        }
        attributes[SENT_AT] = {"DataType": "String", "StringValue": letter.sent_at.isoformat()}
        entry = {"Id": letter.id, "MessageBody": letter.body, "MessageAttributes": attributes}
        if queue.url.endswith(".fifo"):
            entry["MessageGroupId"] = letter.raw["Attributes"].get("MessageGroupId", "redriven")
            # The same in a repeated redrive, but not the id of the first sending, which SQS may still remember.
            entry["MessageDeduplicationId"] = f"redrive-{letter.id}"
        entries.append(entry)
    answer = bus.shared_client().send_message_batch(QueueUrl=queue.url, Entries=entries)  # type: ignore[arg-type]
    refused = {failed["Id"] for failed in answer.get("Failed", ())}
    return [letter for letter in letters if letter.id not in refused]


def _delete(queue: bus.Queue, letters: Sequence[DeadLetter]) -> None:
    for entries in _entries(letters):
        bus.shared_client().delete_message_batch(QueueUrl=queue.dead_url, Entries=entries)


def _release(queue: bus.Queue, letters: Sequence[DeadLetter]) -> None:
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
