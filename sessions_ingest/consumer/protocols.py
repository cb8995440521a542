"""What the consumer loop needs of a queue and of a message handler, as protocols with their errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

T = TypeVar("T")  # a parsed message

FULL_BATCH = 10  # messages, the most that SQS delivers at once: more may be waiting


class QueueUnavailable(Exception):
    """The queue did not answer as it should. The call may have taken effect; every call may be repeated."""


class HandlerUnavailable(Exception):
    """What the handler needs (a database) is unavailable: nothing is applied, and any batch would fail the same."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a message."""

    id: str
    receipt: str
    body: str
    sent_at: datetime  # the same at each delivery
    receives: int  # deliveries so far, this one included
    group: str | None = None  # FIFO queues only


class State(StrEnum):
    """What became of a delivery."""

    APPLIED = "applied"  # committed, though all of it may have been known or unknown
    DEAD_LETTERED = "dead-lettered"
    FAILED = "failed"  # left to the redrive policy


class MessageQueue(Protocol):
    """A queue with its dead-letter queue, used by one thread. Every method but `close` raises QueueUnavailable."""

    name: str
    requests: int  # sent so far: what SQS bills
    hold_seconds: float  # how long to retry a batch; shorter than the visibility timeout
    longest_poll_seconds: int  # that `receive` takes

    def receive(self, wait_seconds: int) -> list[Message]:
        """Up to FULL_BATCH messages, hidden from other receivers for the visibility timeout.

        Waits up to `wait_seconds` for the first one.
        """
        ...

    def delete(self, messages: Sequence[Message]) -> None:
        """Deletes messages for good; one that could not be deleted is delivered again."""
        ...

    def release(self, messages: Sequence[Message]) -> None:
        """Ends the visibility timeout: the messages are redelivered at once."""
        ...

    def dead_letter(self, invalid: Sequence[tuple[Message, str]]) -> list[Message]:
        """Copies messages to the dead-letter queue with their reasons; returns those that it took."""
        ...

    def ensure_exists(self) -> None:
        """Creates the queue if it is missing; leaves an existing one unchanged."""
        ...

    def close(self) -> None:
        """Closes the connections."""
        ...


class MessageHandler(Protocol[T]):
    """Parses and applies the messages of one queue, for several receiver threads at once."""

    def parse(self, body: str, sent_at: datetime) -> T:
        """The parsed message. Raises InvalidMessage."""
        ...

    def apply(self, parsed: Sequence[T], invalid: int) -> Any:
        """Commits all messages, or none, and counts `invalid` dead-lettered ones. Idempotent.

        Returns what it did, for `record`.

        Raises HandlerUnavailable, or the error of a message that cannot be applied.
        """
        ...

    def record(self, state: State, messages: Sequence[tuple[Message, Any]], detail: Any = None) -> None:
        """Takes note of what became of messages. Never waits and never raises.

        Each message is with what it was parsed to, or with its reason if it is dead-lettered. `detail` is what
        `apply` returned, or the error of a message that failed.
        """
        ...

    def ready(self) -> bool:
        """Whether a batch could be applied now."""
        ...

    def close(self) -> None:
        """Releases resources after the last receiver has ended. May be repeated."""
        ...
