"""Records what became of messages without delaying the consumer: a bounded buffer, which a thread writes."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import InterfaceError, OperationalError, ProgrammingError, connections

from movies.foundation.background_threads import RetryingThread
from movies.foundation.numbers import MAX_BIGINT
from sessions_ingest.batches import Applied
from sessions_ingest.consumer.protocols import Message, State
from sessions_ingest.message_log import log
from sessions_ingest.message_log.outcomes import DEAD_LETTERED, FAILED, Outcome, outcomes
from sessions_ingest.message_log.record import Record
from sessions_ingest.messages import Session

logger = logging.getLogger(__name__)

MAX_BODIES = 4_000_000  # characters of bodies in the buffer of a queue: larger messages leave room for fewer
MAX_BODY = 1_000  # characters of a body that are kept
MAX_MOVIES = 100  # of a message, by which it is found
# Each flush takes the interpreter from a busy consumer, so a page is two seconds late instead (`benchmarks ingest`).
FLUSH_INTERVALS = 2
EXIT_SECONDS = 1.0  # that a process waits at its exit for the buffer to be written
# ProgrammingError: the process started before the migrations
UNAVAILABLE_ERRORS = (OperationalError, InterfaceError, ProgrammingError)

Write = Callable[[Mapping[str, Sequence[Record]], int], object]


class _Entry(NamedTuple):
    """Messages of one batch that met the same fate."""

    at: float  # seconds since 1970
    state: State
    messages: Sequence[tuple[Message, Any]]
    detail: Any
    characters: int  # of the bodies


class _Buffer:
    """The newest entries of a queue."""

    def __init__(self) -> None:
        self.entries: deque[_Entry] = deque()
        self.messages = self.characters = 0

    def add(self, entry: _Entry, most: int) -> None:
        """Adds the entry, and drops the oldest ones that are over the limits."""
        self.entries.append(entry)
        self.messages += len(entry.messages)
        self.characters += entry.characters
        while len(self.entries) > 1 and (
            self.messages - len(self.entries[0].messages) >= most or self.characters > MAX_BODIES
        ):
            oldest = self.entries.popleft()
            self.messages -= len(oldest.messages)
            self.characters -= oldest.characters


class MessageRecorder:
    """`record` never waits and never raises. The buffer holds the newest messages of each queue, at most `kept`.

    So two seconds of more messages cost no more than those of `kept`. An outage of the database, and the kill of the
    process, lose records and nothing else.
    """

    def __init__(self, kept: int, *, write: Write = log.write) -> None:
        self._kept = kept  # 0: nothing is recorded
        self._write = write
        self._lock = threading.Lock()  # held for moments: only the thread waits for the database
        self._buffers: dict[str, _Buffer] = {}
        self._thread = RetryingThread(
            "message log",
            lambda woken: self.flush(),
            finish=self._finish,
            unavailable=UNAVAILABLE_ERRORS,
            give_up=lambda: None,  # `flush` has dropped it
            intervals=FLUSH_INTERVALS,
        )
        self.written = 0

    def record(
        self, queue: str, state: State, messages: Sequence[tuple[Message, Any]], detail: Any = None
    ) -> None:
        """Takes note of what became of the messages, as MessageHandler.record says."""
        if not self._kept or not messages:
            return
        try:
            characters = sum(len(message.body) for message, _ in messages)
            entry = _Entry(time.time(), state, messages, detail, characters)
            with self._lock:
                self._buffers.setdefault(queue, _Buffer()).add(entry, self._kept)
                self._thread.start()
        except Exception:  # e.g. no thread can be started: the consumer goes on
            logger.exception("a message was not recorded")

    def flush(self) -> None:
        """Writes everything recorded so far; keeps it after one of UNAVAILABLE_ERRORS, drops it after another."""
        with self._lock:
            buffers, self._buffers = self._buffers, {}
        failed = True
        try:
            if buffers:
                records = {
                    queue: list(_records(buffer.entries))[-self._kept :] for queue, buffer in buffers.items()
                }
                self._write(records, self._kept)
                self.written += sum(map(len, records.values()))
            failed = False
        except UNAVAILABLE_ERRORS:
            self._restore(buffers)
            raise
        finally:
            if failed or not buffers:  # a failure may be the connection's; an idle process needs none
                connections.close_all()  # those of this thread

    def stop(self) -> None:
        """Ends the thread; the buffer is written if that takes less than EXIT_SECONDS. May be repeated."""
        self._thread.stop(seconds=EXIT_SECONDS)

    def _restore(self, buffers: Mapping[str, _Buffer]) -> None:
        with self._lock:
            newer, self._buffers = self._buffers, dict(buffers)
            for queue, buffer in newer.items():
                for entry in buffer.entries:
                    self._buffers.setdefault(queue, _Buffer()).add(entry, self._kept)

    def _finish(self) -> None:
        try:
            self.flush()
        finally:
            connections.close_all()


def _records(entries: Sequence[_Entry]) -> Iterator[Record]:
    known: dict[int, dict[int, Outcome]] = {}  # by transaction, by message
    for entry in entries:
        for message, parsed in entry.messages:
            if entry.state is State.APPLIED:
                yield _record(entry, message, _outcome(entry.detail.applied, parsed, known), parsed)
            elif entry.state is State.FAILED:
                error = entry.detail
                failed = Outcome(FAILED, f"{type(error).__name__}: {error}"[:MAX_BODY])
                yield _record(entry, message, failed, parsed)
            else:
                yield _record(entry, message, Outcome(DEAD_LETTERED, parsed))


def _outcome(transaction: Applied, parsed: Any, known: dict[int, dict[int, Outcome]]) -> Outcome:
    if id(transaction) not in known:
        found = zip(transaction.messages, outcomes(transaction), strict=True)
        known[id(transaction)] = {id(message): outcome for message, outcome in found}
    return known[id(transaction)][id(parsed)]


def _record(entry: _Entry, message: Message, outcome: Outcome, parsed: Any = None) -> Record:
    return Record(
        id=message.id,
        sent=_milliseconds(message.sent_at),
        at=int(entry.at * 1000),
        delivery=message.receives,
        state=outcome.state,
        outcome=_text(outcome.sentence),
        body=_text(message.body[:MAX_BODY]),
        user=parsed.user_id if parsed else None,
        movies=_movies(parsed),
    )


def _movies(parsed: Any) -> tuple[int, ...]:
    if parsed is None:
        return ()
    ids = (event.movie_id for event in parsed.events) if isinstance(parsed, Session) else parsed.movie_ids
    return tuple(dict.fromkeys(movie_id for movie_id in ids if 0 < movie_id <= MAX_BIGINT))[:MAX_MOVIES]


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _text(text: str) -> str:
    """The text without halves of surrogate pairs, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()
