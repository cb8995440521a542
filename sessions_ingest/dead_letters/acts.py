"""Acts on dead letters: redrives them into their queue, as they are or edited, or discards them, with a record."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from movies.outbox import bus
from sessions_ingest.consumer.sqs import SENT_AT
from sessions_ingest.dead_letters import reasons
from sessions_ingest.dead_letters.reading import MAX_SECONDS, DeadLetter, available, delete, received, release
from sessions_ingest.models import DeadLetterAct

MAX_REQUEST_BYTES = 200_000  # of bodies in one request: SQS takes 256 KiB, attributes included
DEAD_LETTER_ATTRIBUTES = (
    "reason",
    "source-queue",
    "message-id",
    "receive-count",
)  # added when a message is dead-lettered, removed by a redrive


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What a redrive or a discard did."""

    done: int
    missing: tuple[str, ...] = ()  # requested ids that were not found
    unfinished: bool = False  # stopped by the time limit before the end of the queue
    invalid: int = 0  # of those that are done: redriven, though the consumer will refuse them
    records: tuple[int, ...] = ()  # ids of the DeadLetterActs of those that are done


def redrive(
    queue_name: str, *, actor: str, ids: Collection[str] | None = None, seconds: float = MAX_SECONDS
) -> ActionResult:
    """Sends dead letters (all, or those with these ids) to their queue again, dated as they first were.

    Each is recorded first, then sent, then deleted: if this process dies in between, the message is in both
    queues, which counts once. Messages that are dead-lettered meanwhile stay there. Raises DeadLettersUnavailable.
    """
    return _act(queue_name, DeadLetterAct.Act.REDRIVEN, actor, ids, seconds, _send)


def redrive_edited(
    queue_name: str, id_: str, body: str, *, actor: str, seconds: float = MAX_SECONDS
) -> ActionResult:
    """As `redrive`, for one dead letter with another body; the record keeps both. The body may be any text.

    Raises DeadLettersUnavailable.
    """
    send = partial(_send, body=body)
    return _act(queue_name, DeadLetterAct.Act.REDRIVEN, actor, [id_], seconds, send, edited_body=body)


def discard(
    queue_name: str, *, actor: str, ids: Collection[str] | None = None, seconds: float = MAX_SECONDS
) -> ActionResult:
    """Deletes dead letters (all, or those with these ids); the record keeps their bodies.

    Raises DeadLettersUnavailable.
    """
    return _act(queue_name, DeadLetterAct.Act.DISCARDED, actor, ids, seconds, lambda queue, letters: letters)


def undo_discard(records: Collection[int], *, actor: str, seconds: float = MAX_SECONDS) -> int:
    """Sends discarded messages to their dead-letter queues once more; returns how many. Each can be undone once.

    Those of other records, and those after the time limit, stay as they are. Raises DeadLettersUnavailable.
    """
    started, done = time.monotonic(), 0
    for record_id in records:
        if time.monotonic() - started > seconds:
            break
        with transaction.atomic():
            undone = DeadLetterAct.objects.filter(
                pk=record_id, act=DeadLetterAct.Act.DISCARDED, done_at__isnull=False, undone_at=None
            ).update(undone_at=timezone.now(), undone_by=actor)
            if undone:
                _dead_letter_again(DeadLetterAct.objects.get(pk=record_id))
                done += 1
    return done


def _dead_letter_again(record: DeadLetterAct) -> None:
    attributes = {"source-queue": record.queue, SENT_AT: record.sent_at.isoformat()}
    if record.reason:
        attributes["reason"] = record.reason
    with available(record.queue) as queue:
        fifo: dict[str, Any] = {}
        if queue.dead_url.endswith(".fifo"):
            fifo = {"MessageGroupId": "undone", "MessageDeduplicationId": f"undone-{record.pk}"}
        bus.shared_client().send_message(
            QueueUrl=queue.dead_url,
            MessageBody=record.body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
            **fifo,
        )


def _act(
    queue_name: str,
    act: DeadLetterAct.Act,
    actor: str,
    ids: Collection[str] | None,
    seconds: float,
    action: Callable[[bus.Queue, list[DeadLetter]], list[DeadLetter]],
    *,
    edited_body: str = "",
) -> ActionResult:
    wanted = None if ids is None else set(ids)
    done: list[DeadLetter] = []
    records: list[int] = []
    started = time.monotonic()
    with available(queue_name) as queue:
        others: list[DeadLetter] = []
        try:
            for batch in received(queue, seconds=seconds):
                chosen = [letter for letter in batch if wanted is None or letter.id in wanted]
                others += [letter for letter in batch if letter not in chosen]
                for request in _requests(chosen):
                    finished = _one_request(queue, act, actor, request, action, edited_body)
                    done += finished.values()
                    records += finished
                if wanted is not None:
                    wanted -= {letter.id for letter in chosen}
                    if not wanted:
                        break
        finally:
            release(queue, others)
    over = time.monotonic() - started > seconds
    redriven = done if act == DeadLetterAct.Act.REDRIVEN else []
    invalid = sum(
        bool(reasons.problem(each.queue, edited_body or each.body, each.sent_at)) for each in redriven
    )
    return ActionResult(len(done), tuple(sorted(wanted or ())), over, invalid, tuple(records))


def _one_request(
    queue: bus.Queue,
    act: DeadLetterAct.Act,
    actor: str,
    letters: list[DeadLetter],
    action: Callable[[bus.Queue, list[DeadLetter]], list[DeadLetter]],
    edited_body: str,
) -> dict[int, DeadLetter]:
    """The letters that are done, by the ids of their records."""
    acts = DeadLetterAct.objects.bulk_create(
        DeadLetterAct(
            queue=queue.name,
            message_id=letter.id,
            act=act,
            actor=actor,
            reason=letter.reason,
            body=_storable(letter.body),
            edited_body=_storable(edited_body),
            sent_at=letter.sent_at,
        )
        for letter in letters
    )
    done: list[DeadLetter] = []
    try:
        done = action(queue, letters)
    finally:
        release(queue, [letter for letter in letters if letter not in done])
    delete(queue, done)
    by_id = {letter.id: letter for letter in done}
    finished = {act.pk: by_id[act.message_id] for act in acts if act.message_id in by_id}
    DeadLetterAct.objects.filter(pk__in=finished).update(done_at=timezone.now())
    return finished


def _storable(body: str) -> str:
    return body.replace("\x00", "\\x00")  # PostgreSQL text cannot hold NUL


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


def _send(queue: bus.Queue, letters: list[DeadLetter], body: str | None = None) -> list[DeadLetter]:
    """Sends the letters to their queue, with `body` instead of their own if given; returns those that it took."""
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
        entry = {"Id": letter.id, "MessageBody": body or letter.body, "MessageAttributes": attributes}
        if queue.url.endswith(".fifo"):
            entry["MessageGroupId"] = letter.raw["Attributes"].get("MessageGroupId", "redriven")
            # The same in a repeated redrive, but not the id of the first sending, which SQS may still remember.
            entry["MessageDeduplicationId"] = f"redrive-{letter.id}"
        entries.append(entry)
    answer = bus.shared_client().send_message_batch(QueueUrl=queue.url, Entries=entries)  # type: ignore[arg-type]
    refused = {failed["Id"] for failed in answer.get("Failed", ())}
    return [letter for letter in letters if letter.id not in refused]
