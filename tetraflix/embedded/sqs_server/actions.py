"""The actions of SQS that change a queue, in place of ministack's: found by id, journaled before the answer.

ministack keeps each queue in a list, walks all of it at each receive and delete, and writes it to disk when it is
stopped. Here the functions that change a queue are replaced, in the one pinned version, by ones that find a message
by its id, look at as many as they return, and append what they do to the journal before it is answered.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import sqs

from tetraflix.embedded.sqs_server.journal import Journal, Messages, took, without_messages

FOLDER = Path(os.environ["STATE_DIR"])

Queue = dict[str, Any]
Data = dict[str, Any]

journal = Journal(FOLDER)
queues = journal.queues  # by key; the same objects as in ministack's own dictionary

create_in_ministack, delete_in_ministack = sqs._act_create_queue, sqs._act_delete_queue
send_in_ministack = sqs._act_send_message


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
    queue["messages"].by_id.clear()  # a rewrite of the journal may be at them
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


ACTIONS = {
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
INNER = {
    "_act_send_message": send_message,  # a batch calls it
    "_collect_msgs": collect,
    "_dlq_sweep": lambda queue: None,  # collect() does it
}


def install() -> None:
    """Puts all of them in the place of ministack's. Raises RuntimeError when it has none of such a name."""
    unknown = [name for name in ACTIONS if name not in sqs._HANDLERS]
    unknown += [name for name in INNER if not hasattr(sqs, name)]
    if unknown:
        raise RuntimeError(
            f"this version of ministack has no {', '.join(unknown)}: the queues would not be kept"
        )
    sqs._HANDLERS.update(ACTIONS)
    for name, function in INNER.items():
        setattr(sqs, name, function)
    for queue in list(queues.values()):
        adopt(queue)
