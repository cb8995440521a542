"""The consumer loop: receives messages from a queue, parses and applies them, and deletes them after the commit.

Delivery is at least once: a message that is received but not deleted is delivered again when its visibility
timeout ends, so whatever `apply` does must be idempotent. Each batch of up to ten messages goes this way:

1. `receive` hides the batch from other receivers for the visibility timeout.
2. `parse` reads each body. A message that can never be applied is invalid: it is copied to the dead-letter
   queue with its reason, then deleted.
3. `apply` commits the others, usually in one transaction with the batches of other receivers (group_commit.py).
4. `delete` removes what is committed. A crash before that leads to a redelivery, which changes nothing.

If the database is unavailable, nothing is received until it is back, because each delivery counts towards the
redrive policy. A single message that fails is left to that policy: SQS dead-letters it after a few deliveries.

A stop and polls: SQS goes on with a poll whose connection was closed, and hides a message that it answers with
(https://github.com/aws/aws-sdk-js/issues/2350, https://github.com/aws/aws-sdk-java/issues/2083), and a poll cannot be
shortened once it is sent. So a poll waits no longer than its queue has been quiet. Where messages come every second,
all polls are short; a stop waits for their ends and releases what they bring. A poll of a quiet queue may be too long
for that: a message that comes before it would have ended, and after the process, appears a visibility timeout late.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sessions_ingest.consumer.backoff import Backoff
from sessions_ingest.consumer.protocols import (
    FULL_BATCH,
    HandlerUnavailable,
    Message,
    MessageHandler,
    MessageQueue,
    QueueUnavailable,
    State,
)
from sessions_ingest.messages import InvalidMessage

logger = logging.getLogger(__name__)

# the shortest poll, and the longest that a stop waits for: half of the two seconds that a stop may take
SHORT_POLL_SECONDS = 1
IDLE_CHECK_SECONDS = 1  # how often an idle helper checks whether to stop


@dataclass(slots=True)
class Counts:
    """Messages that a receiver has dealt with so far."""

    applied: int = 0
    dead_lettered: int = 0
    failed: int = 0  # left to the redrive policy; counted at each delivery


class Receiver:
    """One thread's loop over one queue. Ends soon after `stop` is set, and not before.

    The receivers of a queue share `busy`. The first receiver always polls, and sets `busy` when it gets a full
    batch; the helpers poll only while `busy` is set, so that an idle queue costs one long poll at a time.
    """

    def __init__(
        self,
        queue: MessageQueue,
        handler: MessageHandler[Any],
        stop: threading.Event,
        busy: threading.Event,
        *,
        helper: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.queue, self.handler, self.stop, self.busy, self.helper = queue, handler, stop, busy, helper
        self.clock = clock
        self.counts = Counts()
        self.holds_batch = False
        self.poll_ends = math.inf  # when the poll under way ends at the latest, on `clock`
        self.quiet_since = clock()  # the latest known message of the queue; before it, the start

    def unfinished(self, by: float) -> bool:
        """Whether it holds a batch, or may receive one in a poll that ends `by` then: a stop waits for this."""
        return self.holds_batch or self.poll_ends <= by

    def run(self) -> None:
        """Processes batches until `stop` is set."""
        backoff = Backoff()
        unavailable = False
        while not self.stop.is_set():
            try:
                if unavailable:
                    self.queue.ensure_exists()
                    logger.info("%s: the queue is available again", self.queue.name)
                    unavailable = False
                self.receive_and_process()
                backoff.reset()
            except QueueUnavailable as error:
                if not unavailable:
                    logger.warning("%s: the queue is unavailable, retrying: %s", self.queue.name, error)
                unavailable = True
                self.stop.wait(backoff.next())
            except Exception:  # the thread must survive any error, because only it empties the queue
                logger.exception("%s: unexpected error, the batch will be redelivered", self.queue.name)
                self.stop.wait(backoff.next())
        self.queue.close()

    def receive_and_process(self) -> None:
        """Receives one batch and processes it. Raises QueueUnavailable."""
        if self.helper and not self.busy.wait(IDLE_CHECK_SECONDS):
            return
        now = self.clock()
        if self.helper or self.busy.is_set():
            self.quiet_since = now
        wait = max(
            SHORT_POLL_SECONDS, min(self.queue.longest_poll_seconds, math.floor(now - self.quiet_since))
        )
        self.poll_ends = now + wait
        try:
            if self.stop.is_set():  # asked after `poll_ends` is set: a stop sees that, or is seen here
                return
            messages = self.queue.receive(wait)
            if not messages:
                self.busy.clear()
                return
            self.holds_batch = True
            self.quiet_since = self.clock()
            if len(messages) >= FULL_BATCH:
                self.busy.set()
            if self.stop.is_set():  # set during the poll
                self.queue.release(messages)
            else:
                self.process(messages)
        finally:
            self.holds_batch, self.poll_ends = False, math.inf

    def process(self, messages: Sequence[Message]) -> None:
        """Deletes the messages that were applied or dead-lettered; the others are redelivered.

        Raises QueueUnavailable.
        """
        valid: list[tuple[Message, Any]] = []
        invalid: list[tuple[Message, str]] = []
        for message in messages:
            try:
                valid.append((message, self.handler.parse(message.body, message.sent_at)))
            except InvalidMessage as error:
                invalid.append((message, str(error)))
        done = self._apply(valid, len(invalid))
        self.counts.applied += len(done)
        try:
            if invalid:
                for message, reason in invalid:
                    logger.warning("%s: message %s is dead-lettered: %s", self.queue.name, message.id, reason)
                dead_lettered = self.queue.dead_letter(invalid)
                self.counts.dead_lettered += len(dead_lettered)
                self.handler.record(
                    State.DEAD_LETTERED, [pair for pair in invalid if pair[0] in dead_lettered]
                )
                done.extend(dead_lettered)
        finally:
            if done:
                self.queue.delete(done)

    def _apply(self, valid: Sequence[tuple[Message, Any]], invalid: int = 0) -> list[Message]:
        """Returns the applied messages. Retries the same batch, because each new delivery counts as a try."""
        if not valid and not invalid:
            return []
        deadline = time.monotonic() + self.queue.hold_seconds
        backoff = Backoff()
        while True:
            try:
                outcome = self.handler.apply([parsed for _, parsed in valid], invalid)
                self.handler.record(State.APPLIED, valid, outcome)
                return [message for message, _ in valid]
            except HandlerUnavailable as error:
                if not backoff.tries:
                    logger.warning("%s: cannot apply now, retrying: %s", self.queue.name, error)
                if self.stop.is_set():
                    self.queue.release([message for message, _ in valid])
                    return []
                if time.monotonic() > deadline:
                    self._wait_for_handler(backoff)
                    return []
                self.stop.wait(backoff.next())
            except Exception as error:
                return self._apply_one_by_one(valid, invalid, error)

    def _apply_one_by_one(
        self, valid: Sequence[tuple[Message, Any]], invalid: int, error: Exception
    ) -> list[Message]:
        if valid and invalid:  # counted, whatever becomes of the others
            self._apply([], invalid)
        if len(valid) > 1:
            return [done for single in valid for done in self._apply([single])]
        self.handler.record(State.FAILED, valid, error)
        for message, _ in valid:
            self.counts.failed += 1
            logger.error(
                "%s: message %s failed (delivery %s), left to the redrive policy: %s: %s",
                self.queue.name,
                message.id,
                message.receives,
                type(error).__name__,
                error,
            )
        return []

    def _wait_for_handler(self, backoff: Backoff) -> None:
        """Receives nothing until the handler is ready, because each delivery counts towards the redrive policy."""
        logger.warning(
            "%s: the batch will be redelivered after its visibility timeout; receiving is paused",
            self.queue.name,
        )
        while not self.stop.is_set() and not self.handler.ready():
            self.stop.wait(backoff.next())


class Consumer:
    """Receiver threads, `threads` for each queue."""

    def __init__(
        self, queues: Sequence[tuple[Callable[[], MessageQueue], MessageHandler[Any]]], threads: int
    ) -> None:
        self.stopping = threading.Event()
        self.handlers = [handler for _, handler in queues]
        self.receivers: list[Receiver] = []
        for make_queue, handler in queues:
            busy = threading.Event()
            self.receivers += [
                Receiver(make_queue(), handler, self.stopping, busy, helper=number > 0)
                for number in range(threads)
            ]
        self._running = len(self.receivers)
        self._running_lock = threading.Lock()
        # daemons: a receiver in a long poll without a batch does not delay the end of the process
        self.threads = [
            threading.Thread(
                target=self._run, args=[receiver], name=f"consume-{receiver.queue.name}-{number}", daemon=True
            )
            for number, receiver in enumerate(self.receivers)
        ]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self.threads:
            thread.start()

    def stop(self, seconds: float = 2.0) -> bool:
        """Whether every batch was finished or released within `seconds`; the others are redelivered later.

        Waits also for short polls, and releases their messages.
        """
        self.stopping.set()
        now = time.monotonic()

        def unfinished() -> bool:
            return any(receiver.unfinished(by=now + SHORT_POLL_SECONDS) for receiver in self.receivers)

        while unfinished():
            if time.monotonic() > now + seconds:
                return False
            time.sleep(0.01)
        return True

    def _run(self, receiver: Receiver) -> None:
        receiver.run()
        with self._running_lock:
            self._running -= 1
            last = not self._running
        if last:
            for handler in self.handlers:
                handler.close()

    def counts(self) -> Counts:
        """The sums over all threads."""
        each = [receiver.counts for receiver in self.receivers]
        return Counts(
            sum(c.applied for c in each), sum(c.dead_lettered for c in each), sum(c.failed for c in each)
        )

    def requests(self) -> int:
        """Requests sent to the queues so far."""
        return sum(receiver.queue.requests for receiver in self.receivers)
