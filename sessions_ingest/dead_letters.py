"""Messages that were put aside: looked at, put back into their queue after a fix, or discarded, on record."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.utils import timezone

from movies.outbox import bus
from sessions_ingest.models import DeadLetterAct
from sessions_ingest.sqs import SENT_AT, first_sent

# SQS shows a message only to who receives it and hides it from others meanwhile: this long if our process
# dies, else no longer than needed, as all that is not dealt with is given back.
HIDDEN_SECONDS = 60
LONGEST_SECONDS = 45.0  # a look or an act on one queue; then it ends, and says what is left
REQUEST_BYTES = 200_000  # bodies in one request: SQS takes 256 KiB with everything around them
ABOUT_THE_ASIDE = (
    "reason",
    "source-queue",
    "message-id",
    "receive-count",
)  # attributes of a dead letter alone


class QueueUnreachable(Exception):
    """SQS does not answer, or the queue does not exist."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in a dead-letter queue."""

    queue: str  # that it was meant for
    id: str  # in the dead-letter queue, as long as it stays there
    body: str
    reason: str  # "" when SQS put it aside: then the log of the consumer has it
    receives: int  # tries before it was put aside; where SQS did that, with all looks since
    sent_at: datetime
    raw: Any = field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """Bytes of the body on the way."""
        return len(self.body.encode())


@dataclass(frozen=True, slots=True)
class Done:
    """What an act came to."""

    done: int
    missing: tuple[str, ...] = ()  # ids that were asked for and not found
    unfinished: bool = False  # the time was over before the end of the queue


def count(queue_name: str) -> int:
    """How many there are, as SQS estimates it. Raises QueueUnreachable."""
    with _asking(queue_name) as queue:
        return bus.depth(queue.dead_url)


def look(queue_name: str, *, limit: int = 100) -> list[DeadLetter]:
    """Up to `limit` dead letters of the queue, by the time they were sent; others see them again afterwards.

    Of a FIFO queue SQS shows the first ten of each group. Raises QueueUnreachable.
    """
    with _asking(queue_name) as queue:
        letters: list[DeadLetter] = []
        try:
            for batch in _received(queue, at_most=limit):
                letters += batch
        finally:
            _release(queue, letters)
    return sorted(letters, key=lambda letter: letter.sent_at)


def redrive(
    queue_name: str, *, actor: str, ids: Collection[str] | None = None, seconds: float = LONGEST_SECONDS
) -> Done:
    """Dead letters (all, or those with these ids) are in their queue again, dated as they first were.

    Each is on record before it is touched. One is sent, then deleted: if this process dies in between it is
    there twice, which counts once. What is put aside during the act stays there. Raises QueueUnreachable.
    """
    return _act(queue_name, DeadLetterAct.Act.REDRIVEN, actor, ids, seconds, _send)


def discard(
    queue_name: str, *, actor: str, ids: Collection[str] | None = None, seconds: float = LONGEST_SECONDS
) -> Done:
    """Dead letters (all, or those with these ids) are gone but for the record. Raises QueueUnreachable."""
    return _act(queue_name, DeadLetterAct.Act.DISCARDED, actor, ids, seconds, lambda queue, letters: letters)


def _act(
    queue_name: str,
    act: DeadLetterAct.Act,
    actor: str,
    ids: Collection[str] | None,
    seconds: float,
    deal_with: Callable[[bus.Queue, list[DeadLetter]], list[DeadLetter]],
) -> Done:
    wanted = None if ids is None else set(ids)
    done = 0
    started = time.monotonic()
    with _asking(queue_name) as queue:
        others: list[DeadLetter] = []
        try:
            for batch in _received(queue, seconds=seconds):
                chosen = [letter for letter in batch if wanted is None or letter.id in wanted]
                others += [letter for letter in batch if letter not in chosen]
                for request in _requests(chosen):
                    done += _one_request(queue, act, actor, request, deal_with)
                if wanted is not None:
                    wanted -= {letter.id for letter in chosen}
                    if not wanted:
                        break
        finally:
            _release(queue, others)
    over = time.monotonic() - started > seconds
    return Done(done, tuple(sorted(wanted or ())), over)


def _one_request(
    queue: bus.Queue,
    act: DeadLetterAct.Act,
    actor: str,
    letters: list[DeadLetter],
    deal_with: Callable[[bus.Queue, list[DeadLetter]], list[DeadLetter]],
) -> int:
    acts = DeadLetterAct.objects.bulk_create(
        DeadLetterAct(
            queue=queue.name,
            message_id=letter.id,
            act=act,
            actor=actor,
            reason=letter.reason,
            body=letter.body.replace("\x00", "\\x00"),  # PostgreSQL has no such text
            sent_at=letter.sent_at,
        )
        for letter in letters
    )
    dealt_with = deal_with(queue, letters)
    _release(queue, [letter for letter in letters if letter not in dealt_with])
    _delete(queue, dealt_with)
    ids = {letter.id for letter in dealt_with}
    DeadLetterAct.objects.filter(id__in=[act.id for act in acts if act.message_id in ids]).update(
        done_at=timezone.now()
    )
    return len(dealt_with)


@contextmanager
def _asking(queue_name: str) -> Iterator[bus.Queue]:
    try:
        yield bus.queue(queue_name)
    except (BotoCoreError, ClientError) as error:
        raise QueueUnreachable(f"The dead letters of {queue_name} cannot be reached: {error}") from error


def _received(
    queue: bus.Queue, *, at_most: int | None = None, seconds: float = LONGEST_SECONDS
) -> Iterator[list[DeadLetter]]:
    """What lies in the dead-letter queue now, each once, a request at a time, hidden from others for now."""
    sqs = bus.shared_client()
    started, began = timezone.now(), time.monotonic()
    left = bus.depth(queue.dead_url)
    left = left if at_most is None else min(left, at_most)
    seen: set[str] = set()
    while left > 0 and time.monotonic() - began < seconds:
        messages = sqs.receive_message(
            QueueUrl=queue.dead_url,
            MaxNumberOfMessages=min(left, bus.MAX_BATCH_SIZE),
            VisibilityTimeout=HIDDEN_SECONDS,
            # A long poll asks all of SQS's servers; a short one asks some, and may find nothing.
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount", "MessageGroupId"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return
        letters = [_letter(queue.name, raw) for raw in messages]
        left -= len(letters)
        # A message that was put back and failed again must not go round for ever.
        fresh = [
            letter for letter in letters if letter.id not in seen and _dead_lettered_at(letter) <= started
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
    """As many as one request may carry."""
    request: list[DeadLetter] = []
    for letter in letters:
        if request and sum(each.size for each in request) + letter.size > REQUEST_BYTES:
            yield request
            request = []
        request.append(letter)
    if request:
        yield request


def _send(queue: bus.Queue, letters: list[DeadLetter]) -> list[DeadLetter]:
    """Those that the queue took."""
    entries = []
    for letter in letters:
        attributes = {
            name: {
                key: value
                for key, value in attribute.items()
                if key in {"DataType", "StringValue", "BinaryValue"}
            }
            for name, attribute in letter.raw.get("MessageAttributes", {}).items()
            if name not in ABOUT_THE_ASIDE
        }
        attributes[SENT_AT] = {"DataType": "String", "StringValue": letter.sent_at.isoformat()}
        entry = {"Id": letter.id, "MessageBody": letter.body, "MessageAttributes": attributes}
        if queue.url.endswith(".fifo"):
            entry["MessageGroupId"] = letter.raw["Attributes"].get("MessageGroupId", "redriven")
            # The same if this is repeated, and not that of its first sending, which SQS may still remember.
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
