"""The recorder writes what became of messages in the background, keeps the newest, and delays no consumer."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import OperationalError

from movies.foundation import background_threads
from sessions_ingest.consumer.protocols import Message, State
from sessions_ingest.message_log import recorder as recorder_module
from sessions_ingest.message_log.record import Record
from sessions_ingest.message_log.recorder import MessageRecorder
from tests.waiting import wait_until

SENT = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Log:
    """Takes what recorders write, unless it is unavailable."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []  # queue, id
        self.error: Exception | None = None
        self.tries = 0
        self.before_write: Callable[[], object] = lambda: None

    def write(self, records: Mapping[str, Sequence[Record]], kept: int) -> None:
        self.tries += 1
        self.before_write()
        if self.error:
            raise self.error
        self.written += [(queue, record.id) for queue, each in records.items() for record in each]

    @contextmanager
    def recorder(self, kept: int = 1000) -> Iterator[MessageRecorder]:
        recorder = MessageRecorder(kept, write=self.write)
        yield recorder
        self.error = None
        recorder.stop()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setattr(background_threads, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(background_threads, "MAX_RETRY_SECONDS", 0.05)
    return Log()


def refused(*ids: str, body: str = "{}") -> list[tuple[Message, str]]:
    return [(Message(each, "", body, SENT, 1), "no user") for each in ids]


def record(recorder: MessageRecorder, *ids: str, queue: str = "q", body: str = "{}") -> None:
    recorder.record(queue, State.DEAD_LETTERED, refused(*ids, body=body))


def test_messages_are_written_in_the_background(log: Log):
    with log.recorder() as recorder:
        record(recorder, "a", "b")
        record(recorder, "c", queue="other")
        wait_until(lambda: recorder.written == 3)
    assert sorted(log.written) == [("other", "c"), ("q", "a"), ("q", "b")]


def test_only_the_newest_are_kept_when_more_come_than_fit(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(background_threads, "INTERVAL_SECONDS", 60)
    with log.recorder(kept=3) as recorder:
        for number in range(10):
            record(recorder, f"{number}a", f"{number}b")
    assert log.written == [("q", "8b"), ("q", "9a"), ("q", "9b")]


def test_large_bodies_leave_room_for_fewer(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(background_threads, "INTERVAL_SECONDS", 60)
    monkeypatch.setattr(recorder_module, "MAX_BODIES", 10)
    with log.recorder() as recorder:
        for number in range(4):
            record(recorder, str(number), body="12345")
        record(recorder, "larger than all", body="1" * 11, queue="other")
    assert log.written == [("q", "2"), ("q", "3"), ("other", "larger than all")]


def test_the_consumer_does_not_wait_for_a_database_that_hangs(log: Log):
    release = threading.Event()
    log.before_write = lambda: release.wait(60)
    with log.recorder() as recorder:
        record(recorder, "a")
        wait_until(lambda: log.tries == 1)
        for number in range(1000):  # would never end if one of them waited
            record(recorder, str(number))
        assert log.written == []
        release.set()
        wait_until(lambda: recorder.written == 1001)


def test_an_outage_keeps_the_newest_in_order(log: Log):
    log.error = OperationalError("no answer")
    with log.recorder(kept=3) as recorder:
        record(recorder, "a", "b")
        wait_until(lambda: log.tries == 1)
        record(recorder, "c", "d")
        wait_until(lambda: log.tries > 3)  # it tries again by itself
        log.error = None
        wait_until(lambda: recorder.written == 3)
    assert log.written == [("q", "b"), ("q", "c"), ("q", "d")]


def test_what_can_never_be_written_is_dropped_and_the_next_is_written(log: Log):
    log.error = ValueError("cannot be written")
    with log.recorder() as recorder:
        record(recorder, "a")
        wait_until(lambda: log.tries == 1)
        log.error = None
        record(recorder, "b")
        wait_until(lambda: recorder.written == 1)
    assert log.written == [("q", "b")]


def test_the_consumer_goes_on_when_no_thread_can_be_started(log: Log, monkeypatch: pytest.MonkeyPatch):
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with log.recorder() as recorder:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        record(recorder, "a")
        monkeypatch.undo()
    assert log.written == []


def test_nothing_is_recorded_if_none_is_kept(log: Log):
    with log.recorder(kept=0) as recorder:
        record(recorder, "a")
    assert (log.tries, log.written) == (0, [])
