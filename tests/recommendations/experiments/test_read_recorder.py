"""The recorder of a process writes reads in the background, keeps them in an outage, and counts what it loses."""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import OperationalError

from movies.foundation import background_threads
from recommendations.experiments import read_recorder
from recommendations.experiments.read_log import Lost
from recommendations.experiments.read_recorder import ReadRecorder
from recommendations.list_reads import FirstRead
from tests.waiting import wait_until

MADE = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Log:
    """Takes what recorders write, unless it is unavailable."""

    def __init__(self) -> None:
        self.batches: list[list[FirstRead]] = []
        self.lost: dict[date, Lost] = {}
        self.error: Exception | None = None
        self.tries = 0
        self.counted = dict.fromkeys(("found", "logged", "lost"), 0)
        self.before_write: Callable[[], object] = lambda: None

    def write(self, reads: Collection[FirstRead]) -> None:
        self.tries += 1
        if self.error:
            raise self.error
        self.before_write()
        self.batches.append(list(reads))

    def add_lost(self, by_day: Mapping[date, Lost]) -> None:
        if self.error:
            raise self.error
        self.lost = dict(by_day)

    def count(self, state: str, number: int) -> None:
        self.counted[state] += number

    @property
    def reads(self) -> list[FirstRead]:
        return [read for batch in self.batches for read in batch]

    @contextmanager
    def recorder(self, capacity: int = read_recorder.CAPACITY) -> Iterator[ReadRecorder]:
        recorder = ReadRecorder(write=self.write, add_lost=self.add_lost, count=self.count, capacity=capacity)
        yield recorder
        self.error = None
        recorder.stop()


def read(user_id: int, milliseconds: int = 0) -> FirstRead:
    return FirstRead(user_id, MADE, MADE + timedelta(hours=1, milliseconds=milliseconds), "mixture", (1, 2))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setattr(background_threads, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(background_threads, "MAX_RETRY_SECONDS", 0.05)
    return Log()


def test_reads_are_written_in_the_background(log: Log):
    with log.recorder() as recorder:
        for user_id in (1, 2, 3):
            recorder.record(read(user_id))
        wait_until(lambda: log.counted == {"found": 3, "logged": 3, "lost": 0})
    assert log.reads == [read(1), read(2), read(3)]
    assert log.lost == {}


def test_a_list_that_waits_already_is_not_recorded_again(log: Log):
    """Neither while it waits for its turn nor while it is being written."""
    with log.recorder() as recorder:
        log.before_write = lambda: recorder.record(read(1, 2))
        log.error = OperationalError("no answer")
        recorder.record(read(1))
        recorder.record(read(1, 1))
        recorder.record(read(2))
        log.error = None
        wait_until(lambda: recorder.logged == 2)
    assert log.reads == [read(1), read(2)]


def test_an_outage_keeps_what_fits_and_counts_the_rest_by_day_and_second(log: Log):
    log.error = OperationalError("no answer")
    with log.recorder(capacity=3) as recorder:
        with time_machine.travel(NOON, tick=False) as clock:
            for user_id in range(1, 11):
                recorder.record(read(user_id))
            clock.shift(1)
            recorder.record(read(1))  # waits already
            recorder.record(read(11))
            clock.shift(24 * 3600)
            recorder.record(read(12))
        wait_until(lambda: log.tries > 3)  # it tries again by itself
        assert (log.reads, log.lost) == ([], {})
        log.error = None
        wait_until(lambda: log.counted == {"found": 12, "logged": 3, "lost": 9})
    assert log.reads == [read(1), read(2), read(3)]
    assert log.lost == {NOON.date(): Lost(8, 2), NOON.date() + timedelta(days=1): Lost(1, 1)}


def test_a_request_does_not_wait_for_a_log_that_hangs(log: Log):
    release = threading.Event()
    log.before_write = lambda: release.wait(60)
    with log.recorder() as recorder:
        recorder.record(read(1))
        wait_until(lambda: log.tries == 1)
        start = time.monotonic()
        for user_id in range(2, 1002):
            recorder.record(read(user_id))
        assert time.monotonic() - start < 10
        release.set()
        wait_until(lambda: recorder.logged == 1001)
    assert max(map(len, log.batches)) <= read_recorder.BATCH


def test_reads_that_can_never_be_written_are_given_up_and_counted(log: Log):
    log.error = ValueError("cannot be written")
    with log.recorder() as recorder:
        recorder.record(read(1))
        wait_until(lambda: recorder.lost == 1)
        log.error = None
        recorder.record(read(2))
        wait_until(lambda: recorder.logged == 1)
        wait_until(lambda: sum(lost.reads for lost in log.lost.values()) == 1)
    assert log.reads == [read(2)]


def test_a_process_that_ends_writes_its_buffer(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(background_threads, "INTERVAL_SECONDS", 60)
    with log.recorder() as recorder:
        recorder.record(read(1))
        recorder.stop()
        assert log.reads == [read(1)]


def test_a_forked_process_starts_empty_and_records_its_own(log: Log, monkeypatch: pytest.MonkeyPatch):
    log.error = OperationalError("no answer")
    with log.recorder() as recorder:
        recorder.record(read(1))
        recorder.thread.stop(seconds=10)  # a child has no thread
        log.error = None
        recorder.after_fork()
        recorder.record(read(2))
        wait_until(lambda: recorder.logged == 1)
    assert log.reads == [read(2)]
