"""The embedded SQS server's ASGI application: ministack with its queues in a journal, and fast at any depth.

ministack keeps each queue in a list, walks all of it at each receive and delete, and writes it to disk when it is
stopped. Here the functions that change a queue are replaced, in the one pinned version, by ones that find a message
by its id, look at as many as they return, and append what they do to the journal before it is answered.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ministack import app as ministack_app
from ministack.core import persistence
from ministack.core.responses import new_uuid
from ministack.services import sqs

from tetraflix.embedded.sqs import NOTE_FILE
from tetraflix.embedded.sqs_journal import Journal, Messages, took, without_messages

SYNC_SECONDS = 1
FOLDER = Path(os.environ["STATE_DIR"])

Queue = dict[str, Any]
Data = dict[str, Any]

journal = Journal(FOLDER)
queues = journal.queues  # by key; the same objects as in ministack's own dictionary


def key_of(queue: Queue) -> str:
    """The queue's account, region and name, which do not change with the server's port."""
    _, _, _, region, account, name = queue["attributes"]["QueueArn"].split(":")
    return f"{account} {region} {name}"


def write(*records: list[Any]) -> None:
    """Appends to the journal; the caller is answered 503 when that fails, and tries again."""
    try:
        journal.write(*records)
    except OSError as error:
        message = f"The journal {journal.file} cannot be written: {error.strerror}"
        raise sqs._Err("ServiceUnavailable", message, 503) from error


def adopt(queue: Queue) -> None:
    """Keeps a queue in the journal and in ministack's dictionaries, under the address of this server's port."""
    account, region, name = key_of(queue).split(" ")
    queue["url"] = sqs._queue_url_for_account(account, name)
    queues[key_of(queue)] = queue
    sqs._queues.set_scoped(account, region, queue["url"], queue)
    sqs._queue_name_to_url.set_scoped(account, region, name, queue["url"])


def create_queue(data: Data, url: str) -> Data:
    answer: Data = create_in_ministack(data, url)
    queue = sqs._get_q(answer["QueueUrl"])
    if key_of(queue) not in queues:
        queue["messages"] = Messages()
        try:
            write(["queue", key_of(queue), without_messages(queue)])
        except sqs._Err:
            delete_in_ministack(answer, answer["QueueUrl"])
            raise
        queues[key_of(queue)] = queue
    return answer


def delete_queue(data: Data, url: str) -> Data:
    queue = sqs._get_q(data.get("QueueUrl", url))
    write(["drop", key_of(queue)])
    queues.pop(key_of(queue), None)
    answer: Data = delete_in_ministack(data, url)
    return answer


def purge_queue(data: Data, url: str) -> Data:
    queue = sqs._get_q(data.get("QueueUrl", url))
    write(["purge", key_of(queue)])
    queue["messages"].by_id.clear()
    return {}


def also_recording_attributes(action: Callable[[Data, str], Data]) -> Callable[[Data, str], Data]:
    """An action that changes a queue's attributes or tags, which the journal keeps afterwards."""

    def recorded(data: Data, url: str) -> Data:
        answer = action(data, url)
        queue = sqs._get_q(data.get("QueueUrl", url))
        write(["queue", key_of(queue), without_messages(queue)])
        return answer

    return recorded


class Sent:
    """Stands in for a queue's messages while ministack's own function adds one, so that it can be recorded first."""

    def __init__(self) -> None:
        self.message: Data | None = None

    def append(self, message: Data) -> None:
        self.message = message


def send_message(data: Data, url: str) -> Data:
    queue = sqs._get_q(data.get("QueueUrl", url))
    messages, queue["messages"] = queue["messages"], (sent := Sent())
    try:
        answer: Data = send_in_ministack(data, url)
    finally:
        queue["messages"] = messages
    if sent.message is None:
        return answer  # a FIFO queue has it already
    key, dedup_key = key_of(queue), sent.message["dedup_cache_key"]
    records = [["add", key, sent.message]]
    if dedup_key:
        records.append(["dedup", key, dedup_key, queue["dedup_cache"][dedup_key]])
    try:
        write(*records)
    except sqs._Err:
        queue["dedup_cache"].pop(dedup_key, None)
        raise
    messages.by_id[sent.message["id"]] = sent.message
    return answer


def collect(queue: Queue, most: int, visibility: int) -> list[Data]:
    """Up to `most` visible messages, made invisible; those received too often go to the dead-letter queue instead."""
    now, key = time.time(), key_of(queue)
    found: list[Data] = []
    dead_queue, limit = redrive(queue)
    dead: list[Data] = []
    busy_groups = set()
    for message in queue["messages"]:
        if len(found) >= most:
            break
        group = message["group_id"] if queue["is_fifo"] else None
        if message["visible_at"] > now:
            if message["receive_count"]:
                busy_groups.add(group)
        elif dead_queue is not None and message["receive_count"] >= limit:
            dead.append({**message, "receipt_handle": None, "visible_at": now})
        elif group is None or group not in busy_groups:
            found.append(message)
    if not found and not dead:
        return []
    taken = [
        {
            **message,
            "receipt_handle": f"{message['id']}/{new_uuid()}",
            "visible_at": now + visibility,
            "receive_count": message["receive_count"] + 1,
            "first_receive_at": message["first_receive_at"] or now,
        }
        for message in found
    ]
    moves = []
    if dead_queue is not None:
        for message in dead:
            moves += [["add", key_of(dead_queue), message], ["gone", key, message["id"]]]
    write(*moves, *(took(key, message) for message in taken))
    by_id = queue["messages"].by_id
    for message in dead:
        del by_id[message["id"]]
        dead_queue["messages"].by_id[message["id"]] = message  # type: ignore[index]
    for message in taken:
        by_id[message["id"]] = message
    return taken


def redrive(queue: Queue) -> tuple[Queue | None, int]:
    """The dead-letter queue, and after how many receives a message goes there."""
    policy = queue["attributes"].get("RedrivePolicy")
    if not policy:
        return None, 0
    words = json.loads(policy)
    return sqs._queue_by_arn(words["deadLetterTargetArn"]), int(words["maxReceiveCount"])


def find(queue: Queue, handle: str) -> Data:
    """The message that was last received under this handle. Raises _Err."""
    message: Data | None = queue["messages"].by_id.get(handle.partition("/")[0])
    if message is None or message["receipt_handle"] != handle:
        raise sqs._Err("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    return message


def delete_message(data: Data, url: str) -> Data:
    queue = sqs._get_q(data.get("QueueUrl", url))
    if not data.get("ReceiptHandle"):
        raise sqs._Err("MissingParameter", "The request must contain the parameter ReceiptHandle.")
    message = find(queue, data["ReceiptHandle"])
    write(["gone", key_of(queue), message["id"]])
    del queue["messages"].by_id[message["id"]]
    return {}


def change_visibility(data: Data, url: str) -> Data:
    queue = sqs._get_q(data.get("QueueUrl", url))
    message = find(queue, data.get("ReceiptHandle", ""))
    changed = {**message, "visible_at": time.time() + int(data.get("VisibilityTimeout", 30))}
    write(took(key_of(queue), changed))
    queue["messages"].by_id[message["id"]] = changed
    return {}


def for_each_entry(action: Callable[[Data, str], Data]) -> Callable[[Data, str], Data]:
    """The batch form of an action, where one entry's failure does not concern the others."""

    def batch(data: Data, url: str) -> Data:
        queue_url = data.get("QueueUrl", url)
        sqs._get_q(queue_url)
        done: Data = {"Successful": [], "Failed": []}
        for entry in data.get("Entries", []):
            number = {"Id": entry.get("Id", "")}
            try:
                action({**entry, "QueueUrl": queue_url}, url)
                done["Successful"].append(number)
            except sqs._Err as error:
                fault = {"Code": error.code, "Message": error.message, "SenderFault": error.status < 500}
                done["Failed"].append({**number, **fault})
        return done

    return batch


async def keep() -> None:
    """Forces the journal to disk each second, and rewrites it when most of it is about what has gone."""
    while True:
        await asyncio.sleep(SYNC_SECONDS)
        with contextlib.suppress(OSError):  # the next round tries again
            await asyncio.to_thread(journal.sync)
            if journal.wants_compaction:
                for _ in journal.compaction(queues):
                    await asyncio.sleep(0)


async def app(
    scope: Data, receive: Callable[[], Awaitable[Data]], send: Callable[[Data], Awaitable[None]]
) -> None:
    """ministack's application, beside which the journal is kept while it runs."""
    if scope["type"] != "lifespan":
        await ministack_app.app(scope, receive, send)
        return
    keeper = asyncio.create_task(keep())

    async def send_after_closing(message: Data) -> None:
        if message["type"] == "lifespan.shutdown.complete":
            keeper.cancel()
            journal.close()
        await send(message)

    await ministack_app.app(scope, receive, send_after_closing)


def take_over_state_of_ministack() -> None:
    """Messages of a server before the journal existed are in ministack's own file."""
    file = FOLDER / "sqs.json"
    if queues or not file.exists():
        return
    persistence.PERSIST_STATE = True
    state = persistence.load_state("sqs") or {}
    persistence.PERSIST_STATE = False
    for _, queue in state["queues"].all_items() if state else ():
        kept, queue["messages"] = queue["messages"], Messages()
        adopt(queue)
        write(["queue", key_of(queue), without_messages(queue)])
        for message in kept:
            message["receipt_handle"] = None
            queue["messages"].by_id[message["id"]] = message
            write(["add", key_of(queue), message])
    journal.sync()
    file.rename(file.with_suffix(".json.old"))


def note() -> str:
    """What to say about the end of the server before."""
    count = sum(len(queue["messages"]) for queue in queues.values())
    kept = "1 message is kept" if count == 1 else f"{count:,} messages are kept"
    if journal.clean:
        return ""
    if journal.rebooted:
        return f"SQS ended with the machine: {kept}; what came in the last second may be lost, or come again."
    return f"SQS was killed: {kept}, nothing is lost."


create_in_ministack, delete_in_ministack = sqs._act_create_queue, sqs._act_delete_queue
send_in_ministack = sqs._act_send_message
sqs._act_send_message = send_message  # a batch calls it
sqs._collect_msgs = collect
sqs._dlq_sweep = lambda queue: None  # collect() does it
sqs._HANDLERS |= {
    "CreateQueue": create_queue,
    "DeleteQueue": delete_queue,
    "PurgeQueue": purge_queue,
    "SendMessage": send_message,
    "DeleteMessage": delete_message,
    "ChangeMessageVisibility": change_visibility,
    "DeleteMessageBatch": for_each_entry(delete_message),
    "ChangeMessageVisibilityBatch": for_each_entry(change_visibility),
} | {
    name: also_recording_attributes(sqs._HANDLERS[name])
    for name in ("SetQueueAttributes", "AddPermission", "RemovePermission", "TagQueue", "UntagQueue")
}
for _queue in list(queues.values()):
    adopt(_queue)
take_over_state_of_ministack()
(FOLDER / NOTE_FILE).write_text(note())
