"""The consumer loop under faults: what is deleted, released and dead-lettered, and when it ends."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from sessions_ingest.consumer.protocols import HandlerUnavailable, Message, QueueUnavailable, State
from sessions_ingest.consumer.receiver import Consumer, Counts, Receiver
from sessions_ingest.messages import InvalidMessage
from tests.waiting import wait_until

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def message(body: str) -> Message:
    return Message(id=f"id-{body}", receipt=f"receipt-{body}", body=body, sent_at=NOON, receives=1)


class FakeQueue:
    """Batches to receive one after the other, and what was done with them. Each call may be made to fail."""

    name = "fake"
    requests = 0
    hold_seconds = 0.3
    longest_poll_seconds = 20

    def __init__(self, *batches: Sequence[str], failing: dict[str, int] | None = None) -> None:
        self.batches = [list(batch) for batch in batches]
        self.failing = failing or {}
        self.deleted: list[str] = []
        self.released: list[str] = []
        self.dead_lettered: list[tuple[str, str]] = []
        self.ensured = 0
        self.waits: list[int] = []  # of each poll, in seconds
        self.on_receive: Callable[[], object] = lambda: None  # during the poll
        self.closed = threading.Event()

    def _fail(self, call: str) -> None:
        if self.failing.get(call, 0) > 0:
            self.failing[call] -= 1
            raise QueueUnavailable(call)

    def receive(self, wait_seconds: int) -> list[Message]:
        self._fail("receive")
        self.waits.append(wait_seconds)
        self.on_receive()
        if self.batches:
            return [message(body) for body in self.batches.pop(0)]
        self.closed.wait(0.01)
        return []

    def delete(self, messages: Sequence[Message]) -> None:
        self._fail("delete")
        self.deleted += [message.body for message in messages]

    def release(self, messages: Sequence[Message]) -> None:
        self._fail("release")
        self.released += [message.body for message in messages]

    def dead_letter(self, invalid: Sequence[tuple[Message, str]]) -> list[Message]:
        self._fail("dead_letter")
        self.dead_lettered += [(message.body, reason) for message, reason in invalid]
        return [message for message, _ in invalid]

    def ensure_exists(self) -> None:
        self._fail("ensure_exists")
        self.ensured += 1

    def close(self) -> None:
        self.closed.set()


class FakeHandler:
    """Applies bodies; `on_apply` may raise."""

    def __init__(self, on_apply: Callable[[Sequence[str]], None] = lambda bodies: None) -> None:
        self.on_apply = on_apply
        self.applied: list[list[str]] = []
        self.invalid: list[int] = []
        self.is_ready = threading.Event()
        self.is_ready.set()
        self.ready_called = threading.Event()
        self.closed = 0
        self.recorded: list[tuple[State, str, Any]] = []

    def parse(self, body: str, sent_at: datetime) -> str:
        if body.startswith("invalid"):
            raise InvalidMessage("field", "why")
        return body

    def apply(self, parsed: Sequence[str], invalid: int) -> str:
        self.on_apply(parsed)
        self.applied.append(list(parsed))
        self.invalid.append(invalid)
        return f"committed {len(parsed)}"

    def record(self, state: State, messages: Sequence[tuple[Message, Any]], detail: Any = None) -> None:
        self.recorded += [(state, f"{message.id} {parsed}", detail) for message, parsed in messages]

    def ready(self) -> bool:
        self.ready_called.set()
        return self.is_ready.is_set()

    def close(self) -> None:
        self.closed += 1


def consume(queue: FakeQueue, handler: FakeHandler, until: Callable[[], bool]) -> Counts:
    consumer = Consumer([(lambda: queue, handler)], threads=1)
    consumer.start()
    wait_until(until)
    assert consumer.stop()
    consumer.threads[0].join(2)
    assert not consumer.threads[0].is_alive()
    return consumer.counts()


def test_a_batch_is_applied_as_a_whole_and_then_deleted() -> None:
    queue, handler = FakeQueue(["a", "b"], ["c"]), FakeHandler()
    assert consume(queue, handler, lambda: len(queue.deleted) == 3) == Counts(applied=3)
    assert (handler.applied, handler.invalid, queue.deleted) == ([["a", "b"], ["c"]], [0, 0], ["a", "b", "c"])


def test_a_handler_is_closed_when_no_receiver_is_left() -> None:
    queues, handler = iter([FakeQueue(["a"]), FakeQueue()]), FakeHandler()
    consumer = Consumer([(lambda: next(queues), handler)], threads=2)
    consumer.start()
    wait_until(lambda: consumer.counts().applied == 1)
    assert handler.closed == 0
    consumer.stop()
    for thread in consumer.threads:
        thread.join(3)
    assert handler.closed == 1


def test_an_invalid_message_is_dead_lettered_with_its_reason_and_the_others_are_applied(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, handler = FakeQueue(["a", "invalid", "b"]), FakeHandler()
    assert consume(queue, handler, lambda: len(queue.deleted) == 3) == Counts(applied=2, dead_lettered=1)
    assert (handler.applied, handler.invalid) == ([["a", "b"]], [1])
    assert queue.dead_lettered == [("invalid", "field: why")]
    assert "fake: message id-invalid is dead-lettered: field: why" in caplog.messages
    assert handler.recorded == [
        (State.APPLIED, "id-a a", "committed 2"),
        (State.APPLIED, "id-b b", "committed 2"),
        (State.DEAD_LETTERED, "id-invalid field: why", None),
    ]


def test_a_message_that_cannot_be_dead_lettered_is_redelivered_and_the_others_are_deleted() -> None:
    queue = FakeQueue(["a", "invalid"], ["invalid"], failing={"dead_letter": 1})
    assert consume(queue, FakeHandler(), lambda: len(queue.deleted) == 2) == Counts(
        applied=1, dead_lettered=1
    )
    assert queue.deleted == ["a", "invalid"]


def test_a_message_that_fails_is_left_and_the_others_are_applied_one_by_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse_b(bodies: Sequence[str]) -> None:
        if "b" in bodies:
            raise ZeroDivisionError("of b")

    queue, handler = FakeQueue(["a", "b", "c"]), FakeHandler(refuse_b)
    assert consume(queue, handler, lambda: len(queue.deleted) == 2) == Counts(applied=2, failed=1)
    assert (handler.applied, queue.deleted, queue.released) == ([["a"], ["c"]], ["a", "c"], [])
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "fake: message id-b failed (delivery 1), left to the redrive policy: ZeroDivisionError: of b"
    ]
    assert [(state, message, str(detail)) for state, message, detail in handler.recorded] == [
        (State.APPLIED, "id-a a", "committed 1"),
        (State.FAILED, "id-b b", "of b"),
        (State.APPLIED, "id-c c", "committed 1"),
    ]


def test_a_batch_is_retried_while_the_handler_is_unavailable_for_a_moment() -> None:
    unavailable = iter([True, True, False])

    def fail_twice(bodies: Sequence[str]) -> None:
        if next(unavailable):
            raise HandlerUnavailable("no database")

    queue, handler = FakeQueue(["a"]), FakeHandler(fail_twice)
    assert consume(queue, handler, lambda: queue.deleted == ["a"]) == Counts(applied=1)
    assert queue.released == []


def test_nothing_is_received_while_the_handler_is_unavailable_for_long() -> None:
    fail = threading.Event()
    fail.set()

    def fail_at_first(bodies: Sequence[str]) -> None:
        if fail.is_set():
            raise HandlerUnavailable("no database")

    queue, handler = FakeQueue(["a"], ["b"]), FakeHandler(fail_at_first)
    handler.is_ready.clear()
    receiver = Receiver(queue, handler, threading.Event(), threading.Event())
    thread = threading.Thread(target=receiver.run)
    thread.start()
    assert handler.ready_called.wait(5)  # the batch was given up before its visibility timeout
    assert (queue.batches, queue.deleted, queue.released) == ([["b"]], [], [])
    fail.clear()
    handler.is_ready.set()
    wait_until(lambda: queue.deleted == ["b"])
    receiver.stop.set()
    thread.join(2)


def test_a_batch_that_cannot_be_applied_is_released_at_a_stop() -> None:
    tried = threading.Event()

    def fail(bodies: Sequence[str]) -> None:
        tried.set()
        raise HandlerUnavailable("no database")

    queue, handler = FakeQueue(["a", "b"]), FakeHandler(fail)
    queue.hold_seconds = 60
    assert consume(queue, handler, tried.is_set) == Counts()
    assert (queue.released, queue.deleted) == (["a", "b"], [])


@pytest.mark.parametrize("helper", [False, True])
def test_a_batch_received_after_a_stop_is_released(helper: bool) -> None:
    queue, handler = FakeQueue(["a"]), FakeHandler()
    stop, busy = threading.Event(), threading.Event()
    busy.set()
    queue.on_receive = stop.set
    Receiver(queue, handler, stop, busy, helper=helper).receive_and_process()
    assert (queue.released, handler.applied) == (["a"], [])


def test_nothing_is_received_after_a_stop() -> None:
    queue, stop = FakeQueue(["a"]), threading.Event()
    stop.set()
    Receiver(queue, FakeHandler(), stop, threading.Event()).receive_and_process()
    assert queue.batches == [["a"]]


def test_a_stop_waits_for_a_short_poll_and_releases_its_batch() -> None:
    queue, handler = FakeQueue(["a"]), FakeHandler()
    polling, go_on = threading.Event(), threading.Event()

    def poll() -> None:
        polling.set()
        go_on.wait(30)

    queue.on_receive = poll
    consumer = Consumer([(lambda: queue, handler)], threads=1)
    consumer.start()
    assert polling.wait(30)
    threading.Timer(0.1, go_on.set).start()
    assert consumer.stop(seconds=30)
    assert (queue.released, handler.applied) == (["a"], [])


def test_a_stop_does_not_wait_for_a_long_poll() -> None:
    queue = FakeQueue()
    polling, go_on = threading.Event(), threading.Event()

    def poll() -> None:
        polling.set()
        go_on.wait(60)

    queue.on_receive = poll
    consumer = Consumer([(lambda: queue, FakeHandler())], threads=1)
    consumer.receivers[0].quiet_since -= 300
    consumer.start()
    assert polling.wait(30)
    assert consumer.stop(seconds=0)
    go_on.set()
    assert queue.waits == [20]


def test_a_poll_waits_no_longer_than_the_queue_has_been_quiet() -> None:
    queue, busy = FakeQueue([], [], ["a"], [], [], []), threading.Event()
    now = 1000.0
    receiver = Receiver(queue, FakeHandler(), threading.Event(), busy, clock=lambda: now)

    def waited(at: float) -> int:
        nonlocal now
        now = at
        receiver.receive_and_process()
        return queue.waits[-1]

    assert [waited(at) for at in (1000.5, 1004.7, 1300)] == [1, 4, 20]
    assert waited(1302) == 2  # after the message
    busy.set()
    assert [waited(at) for at in (1400, 1403)] == [1, 3]  # after messages that other receivers got


def test_a_missing_queue_is_created_when_sqs_is_available_again() -> None:
    queue, handler = FakeQueue(["a"], failing={"receive": 2, "ensure_exists": 1}), FakeHandler()
    assert consume(queue, handler, lambda: queue.deleted == ["a"]) == Counts(applied=1)
    assert queue.ensured == 2


def test_a_receiver_survives_any_error() -> None:
    queue, handler = FakeQueue(["a"], ["b"]), FakeHandler()
    broken = iter([True, False])

    def fail_once(messages: Sequence[Message]) -> None:
        if next(broken):
            raise ZeroDivisionError
        queue.deleted += [message.body for message in messages]

    queue.delete = fail_once  # type: ignore[method-assign]
    assert consume(queue, handler, lambda: queue.deleted == ["b"]) == Counts(applied=2)


def test_a_helper_polls_only_while_the_queue_is_busy() -> None:
    queue, handler = FakeQueue(["a"]), FakeHandler()
    stop, busy = threading.Event(), threading.Event()
    helper = Receiver(queue, handler, stop, busy, helper=True)
    helper.receive_and_process()
    assert queue.batches == [["a"]]
    busy.set()
    helper.receive_and_process()
    assert queue.deleted == ["a"]
    helper.receive_and_process()
    assert not busy.is_set()
