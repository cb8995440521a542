"""The journal of the embedded SQS server: every change of its queues, appended to a file before it is answered.

A line is a JSON array: what happened, the queue, and what is needed to do it again. A killed server loses nothing
that it answered, because the kernel has the lines; fsync each second bounds what a crash of the machine loses.
Imports nothing of Django or ministack, and runs in the server's process, which knows no settings.
"""

import contextlib
import json
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Message = dict[str, Any]
FIELDS_OF_A_RECEIVE = ("receipt_handle", "visible_at", "receive_count", "first_receive_at")
COMPACT_BYTES = 16_000_000  # a shorter journal is not rewritten
SLICE = 200  # messages that a rewrite copies between two requests: some 5 ms


class Messages:
    """A queue's messages in order, found by id; reads like the list that ministack keeps."""

    def __init__(self) -> None:
        self.by_id: OrderedDict[str, Message] = (
            OrderedDict()
        )  # a dict would walk over what was deleted in front

    def __iter__(self) -> Iterator[Message]:
        return iter(self.by_id.values())

    def __len__(self) -> int:
        return len(self.by_id)


class Journal:
    """The file of one server.

    `queues`: what it held when it was opened, by key ("account region name"); a queue is a dict with its `messages`.
    `clean`: False when the server before was killed. `rebooted`: whether the machine was started again since.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "queues.journal"
        self.queues: dict[str, dict[str, Any]] = {}
        self.clean, self.rebooted = True, False
        self.size = self._replay()
        self.size_compacted = self.size
        self._out = os.open(self.file, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        os.ftruncate(self._out, self.size)  # a partial line at the end was never answered
        self._copy: int | None = None  # the file that a rewrite fills
        self._dirty = False
        self.write(["boot", boot_id()])

    def write(self, *records: list[Any]) -> None:
        """Appends the records. Raises OSError, and keeps none of them, when the disk is full."""
        data = _lines(records)
        try:
            _write_all(self._out, data)
        except OSError:
            os.ftruncate(self._out, self.size)
            raise
        self.size += len(data)
        self._dirty = True
        if self._copy is not None:
            try:
                _write_all(self._copy, data)
            except OSError:
                self._drop_copy()

    def sync(self) -> None:
        """Forces what was appended to disk; returns at once when nothing was."""
        if self._dirty:
            self._dirty = False  # before, because another thread may append meanwhile
            try:
                os.fdatasync(self._out)
            except OSError:
                self._dirty = True
                raise

    def close(self) -> None:
        """Records that the server ended as asked; on a full disk it looks killed, which loses nothing either."""
        with contextlib.suppress(OSError):
            self.write(["end"])
            self.sync()
        os.close(self._out)

    @property
    def wants_compaction(self) -> bool:
        """Whether most of it is about what has gone, so that rewriting costs a fraction of what was written."""
        return self._copy is None and self.size > max(COMPACT_BYTES, 3 * self.size_compacted)

    def compaction(self, queues: dict[str, dict[str, Any]]) -> Iterator[None]:
        """Rewrites the file without what has gone, a slice at each step, while changes go on in between.

        Replaying does not depend on the order of an addition and of what came before it, so the changes of the
        meantime go into both files as they happen. Ends without a change when the disk is full.
        """
        new = self.file.with_suffix(".new")
        new.unlink(missing_ok=True)
        copy = self._copy = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            _write_all(copy, _lines([["boot", boot_id()]]))
            for key, queue in list(queues.items()):
                if queues.get(key) is not queue:
                    continue  # deleted meanwhile, and perhaps created again
                _write_all(copy, _lines([["queue", key, without_messages(queue)]]))
                ids = list(queue["messages"].by_id)
                for start in range(0, len(ids), SLICE):
                    left = (queue["messages"].by_id.get(one) for one in ids[start : start + SLICE])
                    _write_all(copy, _lines([["add", key, one] for one in left if one is not None]))
                    yield
                    if self._copy != copy:
                        return  # given up
            os.fsync(copy)
        except OSError:
            if self._copy == copy:
                self._drop_copy()
            return
        new.replace(self.file)
        os.close(self._out)
        self._out, self._copy = copy, None
        self.size = self.size_compacted = os.fstat(copy).st_size
        folder = os.open(self.file.parent, os.O_RDONLY)
        os.fsync(folder)  # or a crash of the machine would bring the old file back
        os.close(folder)

    def _drop_copy(self) -> None:
        if self._copy is not None:
            os.close(self._copy)
            self._copy = None
            self.file.with_suffix(".new").unlink(missing_ok=True)
            self.size_compacted = self.size  # not at once again

    def _replay(self) -> int:
        """Does again what the file says; returns the length of its whole lines."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        size = 0
        if self.file.exists():
            with self.file.open("rb") as lines:
                for line in lines:
                    if not line.endswith(b"\n"):
                        break
                    try:
                        kind, *words = json.loads(line)
                    except ValueError:  # written when the machine crashed
                        break
                    self.clean = kind == "end"
                    self._apply(kind, words)
                    size += len(line)
                else:
                    return self._sorted(size)
            self.clean = False
        return self._sorted(size)

    def _sorted(self, size: int) -> int:
        for queue in self.queues.values():
            order = sorted(queue["messages"], key=lambda one: (one["seq"] or "", one["sent_at"]))
            queue["messages"].by_id = OrderedDict((one["id"], one) for one in order)
        return size

    def _apply(self, kind: str, words: list[Any]) -> None:
        if kind == "boot":
            self.rebooted = words[0] != boot_id()
        if kind in {"boot", "end"}:
            return
        key, *rest = words
        if kind == "queue":
            before = self.queues.get(key)
            self.queues[key] = {**rest[0], "messages": before["messages"] if before else Messages()}
        elif kind == "drop":
            self.queues.pop(key, None)
        elif (queue := self.queues.get(key)) is not None:
            apply_to_queue(queue, kind, rest)


def apply_to_queue(queue: dict[str, Any], kind: str, words: list[Any]) -> None:
    """Does what a record about messages says; a message that has gone is ignored."""
    by_id = queue["messages"].by_id
    if kind == "add":
        message = words[0]
        by_id[message["id"]] = message
        if message.get("dedup_cache_key"):
            queue["fifo_seq"] = max(queue["fifo_seq"], int(message["seq"]))
    elif kind == "dedup":
        queue["dedup_cache"][words[0]] = words[1]
    elif kind == "took":
        if (message := by_id.get(words[0])) is not None:
            message.update(zip(FIELDS_OF_A_RECEIVE, words[1:], strict=True))
    elif kind == "gone":
        by_id.pop(words[0], None)
    elif kind == "purge":
        by_id.clear()


def boot_id() -> str:
    """The same until the machine is started again; what was written to a file is safe until then."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def took(key: str, message: Message) -> list[Any]:
    """The record of a message that was received, or whose visibility was changed."""
    return ["took", key, message["id"], *(message[name] for name in FIELDS_OF_A_RECEIVE)]


def without_messages(queue: dict[str, Any]) -> dict[str, Any]:
    """What a queue is apart from its messages."""
    return {name: value for name, value in queue.items() if name != "messages"}


def _lines(records: Iterable[list[Any]]) -> bytes:
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records).encode()


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
