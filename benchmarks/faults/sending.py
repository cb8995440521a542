"""Sends messages in batches, through whatever happens to the requests, with a bounded backlog."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.faults.traffic import RECS, SESSIONS, Outgoing
from benchmarks.faults.world import Stuck, World, sqs_client

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

THREADS = 4
BATCH = 10  # messages in one request
BACKLOG = (
    600  # messages in the queues beyond which sending pauses; the embedded SQS scans its queue at each call
)
CHECK = 200  # messages sent between two looks at the backlog


class Sender:
    """Sends phases. `sent` counts messages, not those that are sent again because an answer was lost."""

    def __init__(self, world: World, deadline: float, reached: Callable[[int], None]) -> None:
        """`deadline`: by time.monotonic(). `reached` is called with the number of messages sent so far."""
        self._world, self._deadline, self._reached = world, deadline, reached
        self._client = sqs_client(world.sqs_proxy.port)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="send")
        self._jobs: deque[Future[None]] = deque()
        self._next_check = 0
        self.sent = 0
        self.repeated = 0  # messages sent again, because no answer came

    def send(self, phase: Iterable[Outgoing]) -> None:
        """Returns when SQS has accepted all. The next phase is sent in a later millisecond. Raises Stuck."""
        for batch in _batches(phase):
            if self.sent >= self._next_check:
                self._next_check = self.sent + CHECK
                self._wait_for_backlog()
            self._jobs.append(self._pool.submit(self._send, batch))
            if len(self._jobs) > THREADS:
                self._jobs.popleft().result()
            self.sent += len(batch)
            self._reached(self.sent)
        self.finish()
        millisecond = time.time_ns() // 1_000_000
        while time.time_ns() // 1_000_000 <= millisecond:
            time.sleep(0.0005)

    def finish(self) -> None:
        """Returns when all requests under way are answered. Raises Stuck."""
        while self._jobs:
            self._jobs.popleft().result()

    def close(self) -> None:
        self._pool.shutdown()

    def wait_until_applied(self) -> None:
        """Returns when both queues are empty. Raises Stuck."""
        while self._world.depth(SESSIONS, RECS) != 0:
            self._pause(0.1, "the queues are not empty")

    def _wait_for_backlog(self) -> None:
        while (depth := self._world.depth(SESSIONS, RECS)) is None or depth > BACKLOG:
            self._pause(0.05, f"the backlog is {depth}")

    def _send(self, batch: list[Outgoing]) -> None:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(number), "MessageBody": message.body, "DelaySeconds": message.delay}
            for number, message in enumerate(batch)
        ]
        while True:
            try:
                answer = self._client.send_message_batch(
                    QueueUrl=self._world.url(batch[0].queue), Entries=entries
                )
                failed = {entry["Id"] for entry in answer.get("Failed", ())}
                entries = [entry for entry in entries if entry["Id"] in failed]
            except ClientError:
                pass  # refused
            except BotoCoreError:
                self.repeated += len(entries)  # they may have arrived; a producer cannot know
            if not entries:
                return
            self._pause(0.1, "SQS accepts no messages")

    def _pause(self, seconds: float, why: str) -> None:
        self._world.check()
        if time.monotonic() > self._deadline:
            raise Stuck(f"too long to wait, and {why}")
        time.sleep(seconds)


def _batches(phase: Iterable[Outgoing]) -> Iterable[list[Outgoing]]:
    """Batches for one queue each, in about the given order."""
    waiting = defaultdict[str, list[Outgoing]](list)
    for message in phase:
        batch = waiting[message.queue]
        batch.append(message)
        if len(batch) == BATCH:
            yield waiting.pop(message.queue)
    yield from waiting.values()
