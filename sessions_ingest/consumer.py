"""The loop that empties a queue: receive, parse, hand over, delete. It knows nothing of the domain."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sessions_ingest.messages import InvalidMessage

logger = logging.getLogger(__name__)
T = TypeVar("T")  # a message, parsed

# a poll of a queue that had messages a moment ago; only the first receiver of a quiet queue waits long
SHORT_WAIT_SECONDS = 1


class QueueUnavailable(Exception):
    """The queue did not answer as it should. What it did is not known; every call may be repeated."""


class HandlerUnavailable(Exception):
    """What the handler needs (a database) is away: nothing is applied, and any batch would fail the same."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a message."""

    id: str
    receipt: str
    body: str
    sent_at: datetime  # the same at each delivery
    receives: int  # deliveries up to this one
    group: str | None = None  # FIFO queues only


class Queue(Protocol):
    """A queue with its dead-letter queue, used by one thread. Every method but `close` raises QueueUnavailable."""

    name: str
    requests: int  # sent so far: what a bill counts
    hold_seconds: float  # how long a received message may be kept before others are shown it too

    def receive(self, wait_seconds: int | None = None) -> list[Message]:
        """Up to ten messages, hidden from others for now; none after `wait_seconds` (None: the longest)."""
        ...

    def delete(self, messages: Sequence[Message]) -> None:
        """They are gone for good; one that could not be deleted is shown again later."""
        ...

    def release(self, messages: Sequence[Message]) -> None:
        """They are shown to others again, now."""
        ...

    def dead_letter(self, refused: Sequence[tuple[Message, str]]) -> list[Message]:
        """Copies messages to the dead-letter queue with their reasons; returns those that are there."""
        ...

    def restore(self) -> None:
        """The queue exists again if it was gone; one that is there is left as it is."""
        ...

    def close(self) -> None:
        """Connections are closed."""
        ...


class Handler(Protocol[T]):
    """What becomes of the messages."""

    def parse(self, body: str, sent_at: datetime) -> T:
        """The message's meaning. Raises InvalidMessage."""
        ...

    def apply(self, parsed: Sequence[T], refused: int) -> None:
        """All of it is committed; `refused` more were poison. Raises HandlerUnavailable, or whatever went wrong."""
        ...

    def ready(self) -> bool:
        """Whether a batch may be applied at all."""
        ...

    def close(self) -> None:
        """What it keeps is closed: no receiver is left. Safe to repeat."""
        ...


@dataclass(slots=True)
class Counts:
    """What a receiver did so far."""

    applied: int = 0
    poison: int = 0
    failed: int = 0  # left to the queue's redrive policy, this time


class Backoff:
    """Growing waits with jitter, so that many who lost the same server do not come back at once."""

    def __init__(self, first: float = 0.1, longest: float = 5.0) -> None:
        self.first, self.longest, self.tries = first, longest, 0

    def next(self) -> float:
        """Seconds to wait before the next try."""
        seconds = min(self.longest, self.first * 2**self.tries)
        self.tries = min(self.tries + 1, 16)
        return seconds * random.uniform(0.5, 1)

    def reset(self) -> None:
        """The next wait is the first again."""
        self.tries = 0


class Receiver:
    """One thread's loop over one queue. Ends soon after `stop` is set, and never by itself.

    `busy` is shared by the receivers of a queue: the first polls always, and says when there is more than it
    can take; helpers sleep until then, so that an idle queue costs one long poll at a time.
    """

    def __init__(
        self,
        queue: Queue,
        handler: Handler[Any],
        stop: threading.Event,
        busy: threading.Event,
        *,
        helper: bool = False,
    ) -> None:
        self.queue, self.handler, self.stop, self.busy, self.helper = queue, handler, stop, busy, helper
        self.counts = Counts()
        self.holding = False  # messages are in hand, or may come at any moment: wait for it when stopping

    def run(self) -> None:
        """Works until `stop` is set."""
        backoff = Backoff()
        away = False
        while not self.stop.is_set():
            try:
                if away:
                    self.queue.restore()
                    logger.info("%s: the queue answers again", self.queue.name)
                    away = False
                self.turn()
                backoff.reset()
            except QueueUnavailable as error:
                if not away:
                    logger.warning(
                        "%s: the queue is away, trying until it is back: %s", self.queue.name, error
                    )
                away = True
                self.stop.wait(backoff.next())
            except Exception:  # whatever it is, the thread must live: nobody else empties the queue
                logger.exception("%s: unexpected; the batch in hand will be shown again", self.queue.name)
                self.stop.wait(backoff.next())
        self.queue.close()

    def turn(self) -> None:
        """One batch, from receiving to deleting. Raises QueueUnavailable."""
        if self.helper and not self.busy.wait(1):
            return
        self.holding = short = self.helper or self.busy.is_set()
        try:
            if short and self.stop.is_set():
                return
            messages = self.queue.receive(SHORT_WAIT_SECONDS if short else None)
            if not messages:
                self.busy.clear()
                return
            if len(messages) >= 10:
                self.busy.set()
            self.holding = True
            if self.stop.is_set():  # came after the word to stop
                self.queue.release(messages)
            else:
                self.deal_with(messages)
        finally:
            self.holding = False

    def deal_with(self, messages: Sequence[Message]) -> None:
        """Applied and poison messages are deleted; others come back by themselves. Raises QueueUnavailable."""
        good: list[tuple[Message, Any]] = []
        refused: list[tuple[Message, str]] = []
        for message in messages:
            try:
                good.append((message, self.handler.parse(message.body, message.sent_at)))
            except InvalidMessage as poison:
                refused.append((message, str(poison)))
        done = self._apply(good, len(refused))
        self.counts.applied += len(done)
        try:
            if refused:
                for message, reason in refused:
                    logger.warning("%s: message %s is put aside: %s", self.queue.name, message.id, reason)
                aside = self.queue.dead_letter(refused)
                self.counts.poison += len(aside)
                done.extend(aside)
        finally:
            if done:
                self.queue.delete(done)

    def _apply(self, good: Sequence[tuple[Message, Any]], refused: int = 0) -> list[Message]:
        """Those applied. While the handler is away the batch stays in hand: each receipt would be a try."""
        if not good and not refused:
            return []
        until = time.monotonic() + self.queue.hold_seconds
        backoff = Backoff()
        while True:
            try:
                self.handler.apply([parsed for _, parsed in good], refused)
                return [message for message, _ in good]
            except HandlerUnavailable as error:
                if not backoff.tries:
                    logger.warning("%s: cannot apply now, trying until it works: %s", self.queue.name, error)
                if self.stop.is_set():
                    self.queue.release([message for message, _ in good])
                    return []
                if time.monotonic() > until:
                    self._wait_for_handler(backoff)
                    return []
                self.stop.wait(backoff.next())
            except Exception as error:
                return self._apply_one_by_one(good, refused, error)

    def _apply_one_by_one(
        self, good: Sequence[tuple[Message, Any]], refused: int, error: Exception
    ) -> list[Message]:
        if good and refused:  # counted, whatever becomes of the others
            self._apply([], refused)
        if len(good) > 1:
            return [done for single in good for done in self._apply([single])]
        for message, _ in good:
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
        """The batch is let go, and none is received before the handler is ready: each receipt is a try."""
        logger.warning("%s: the batch is let go, it will be shown again", self.queue.name)
        while not self.stop.is_set() and not self.handler.ready():
            self.stop.wait(backoff.next())


class Consumer:
    """Threads that empty queues, `threads` for each."""

    def __init__(self, queues: Sequence[tuple[Callable[[], Queue], Handler[Any]]], threads: int) -> None:
        self.stopping = threading.Event()
        self.handlers = [handler for _, handler in queues]
        self.receivers: list[Receiver] = []
        for make_queue, handler in queues:
            busy = threading.Event()
            self.receivers += [
                Receiver(make_queue(), handler, self.stopping, busy, helper=number > 0)
                for number in range(threads)
            ]
        self._left = len(self.receivers)
        self._leaving = threading.Lock()
        # daemons: one that is still in a long poll with nothing in hand does not delay the end of the process
        self.threads = [
            threading.Thread(
                target=self._run, args=[receiver], name=f"consume-{receiver.queue.name}-{number}", daemon=True
            )
            for number, receiver in enumerate(self.receivers)
        ]

    def start(self) -> None:
        """The threads run."""
        for thread in self.threads:
            thread.start()

    def stop(self, seconds: float = 2.0) -> bool:
        """What is in hand is finished or given back within `seconds`: True. Else it is shown again later."""
        self.stopping.set()
        until = time.monotonic() + seconds
        for receiver, thread in zip(self.receivers, self.threads, strict=True):
            while receiver.holding and thread.is_alive() and time.monotonic() < until:
                thread.join(0.01)
        return not any(receiver.holding for receiver in self.receivers)

    def _run(self, receiver: Receiver) -> None:
        receiver.run()
        with self._leaving:
            self._left -= 1
            last = not self._left
        if last:
            for handler in self.handlers:
                handler.close()

    def counts(self) -> Counts:
        """What all threads did so far."""
        each = [receiver.counts for receiver in self.receivers]
        return Counts(sum(c.applied for c in each), sum(c.poison for c in each), sum(c.failed for c in each))

    def requests(self) -> int:
        """Requests sent to the queues so far."""
        return sum(receiver.queue.requests for receiver in self.receivers)
