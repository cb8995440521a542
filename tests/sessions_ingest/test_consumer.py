"""The loop's promises under faults: what is deleted, given back and put aside, and when it ends."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from sessions_ingest.consumer import Consumer, Counts, HandlerUnavailable, Message, QueueUnavailable, Receiver
from sessions_ingest.messages import InvalidMessage
from tests.waiting import wait_until

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def message(body: str) -> Message:
    return Message(id=f"id-{body}", receipt=f"receipt-{body}", body=body, sent_at=NOON, receives=1)


class FakeQueue:
    """Batches to receive one after the other, and what became of them. Each call may be made to fail."""

    name = "fake"
    requests = 0
    hold_seconds = 0.3

    def __init__(self, *batches: Sequence[str], failing: dict[str, int] | None = None) -> None:
        self.batches = [list(batch) for batch in batches]
        self.failing = failing or {}
        self.deleted: list[str] = []
        self.given_back: list[str] = []
        self.aside: list[tuple[str, str]] = []
        self.restored = 0
        self.closed = threading.Event()

    def _fail(self, call: str) -> None:
        if self.failing.get(call, 0) > 0:
            self.failing[call] -= 1
            raise QueueUnavailable(call)

    def receive(self, wait_seconds: int | None = None) -> list[Message]:
        self._fail("receive")
        if self.batches:
            return [message(body) for body in self.batches.pop(0)]
        self.closed.wait(0.01)
        return []

    def delete(self, messages: Sequence[Message]) -> None:
        self._fail("delete")
        self.deleted += [message.body for message in messages]

    def release(self, messages: Sequence[Message]) -> None:
        self._fail("release")
        self.given_back += [message.body for message in messages]

    def dead_letter(self, refused: Sequence[tuple[Message, str]]) -> list[Message]:
        self._fail("dead_letter")
        self.aside += [(message.body, reason) for message, reason in refused]
        return [message for message, _ in refused]

    def restore(self) -> None:
        self._fail("restore")
        self.restored += 1

    def close(self) -> None:
        self.closed.set()


class FakeHandler:
    """Applies bodies; `on_apply` may raise."""

    def __init__(self, on_apply: Callable[[Sequence[str]], None] = lambda bodies: None) -> None:
        self.on_apply = on_apply
        self.applied: list[list[str]] = []
        self.refused: list[int] = []
        self.is_ready = threading.Event()
        self.is_ready.set()
        self.asked = threading.Event()
        self.closed = 0

    def parse(self, body: str, sent_at: datetime) -> str:
        if body.startswith("poison"):
            raise InvalidMessage("field", "why")
        return body

    def apply(self, parsed: Sequence[str], refused: int) -> None:
        self.on_apply(parsed)
        self.applied.append(list(parsed))
        self.refused.append(refused)

    def ready(self) -> bool:
        self.asked.set()
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


def test_a_batch_is_applied_together_and_then_deleted() -> None:
    queue, handler = FakeQueue(["a", "b"], ["c"]), FakeHandler()
    assert consume(queue, handler, lambda: len(queue.deleted) == 3) == Counts(applied=3)
    assert (handler.applied, handler.refused, queue.deleted) == ([["a", "b"], ["c"]], [0, 0], ["a", "b", "c"])


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


def test_poison_goes_aside_with_its_reason_and_its_neighbours_are_applied(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, handler = FakeQueue(["a", "poison", "b"]), FakeHandler()
    assert consume(queue, handler, lambda: len(queue.deleted) == 3) == Counts(applied=2, poison=1)
    assert (handler.applied, handler.refused) == ([["a", "b"]], [1])
    assert queue.aside == [("poison", "field: why")]
    assert "fake: message id-poison is put aside: field: why" in caplog.messages


def test_poison_that_cannot_go_aside_now_comes_back_and_its_neighbours_are_deleted() -> None:
    queue = FakeQueue(["a", "poison"], ["poison"], failing={"dead_letter": 1})
    assert consume(queue, FakeHandler(), lambda: len(queue.deleted) == 2) == Counts(applied=1, poison=1)
    assert queue.deleted == ["a", "poison"]


def test_a_message_that_fails_is_left_and_its_neighbours_are_applied_one_by_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse_b(bodies: Sequence[str]) -> None:
        if "b" in bodies:
            raise ZeroDivisionError("of b")

    queue, handler = FakeQueue(["a", "b", "c"]), FakeHandler(refuse_b)
    assert consume(queue, handler, lambda: len(queue.deleted) == 2) == Counts(applied=2, failed=1)
    assert (handler.applied, queue.deleted, queue.given_back) == ([["a"], ["c"]], ["a", "c"], [])
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "fake: message id-b failed (delivery 1), left to the redrive policy: ZeroDivisionError: of b"
    ]


def test_a_batch_is_kept_in_hand_while_the_handler_is_away_for_a_moment() -> None:
    away = iter([True, True, False])

    def fail_twice(bodies: Sequence[str]) -> None:
        if next(away):
            raise HandlerUnavailable("no database")

    queue, handler = FakeQueue(["a"]), FakeHandler(fail_twice)
    assert consume(queue, handler, lambda: queue.deleted == ["a"]) == Counts(applied=1)
    assert queue.given_back == []


def test_nothing_is_received_while_the_handler_is_away_for_long() -> None:
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
    assert handler.asked.wait(5)  # the batch was let go before the queue would show it to others
    assert (queue.batches, queue.deleted, queue.given_back) == ([["b"]], [], [])
    fail.clear()
    handler.is_ready.set()
    wait_until(lambda: queue.deleted == ["b"])
    receiver.stop.set()
    thread.join(2)


def test_what_is_in_hand_at_the_word_to_stop_is_given_back_when_it_cannot_be_applied() -> None:
    tried = threading.Event()

    def fail(bodies: Sequence[str]) -> None:
        tried.set()
        raise HandlerUnavailable("no database")

    queue, handler = FakeQueue(["a", "b"]), FakeHandler(fail)
    queue.hold_seconds = 60
    assert consume(queue, handler, tried.is_set) == Counts()
    assert (queue.given_back, queue.deleted) == (["a", "b"], [])


def test_what_arrives_after_the_word_to_stop_is_given_back() -> None:
    queue, handler = FakeQueue(["a"]), FakeHandler()
    stop = threading.Event()
    stop.set()
    Receiver(queue, handler, stop, threading.Event()).turn()
    assert (queue.given_back, handler.applied) == (["a"], [])


def test_a_short_poll_under_way_at_the_word_to_stop_is_waited_for_and_given_back() -> None:
    queue, handler = FakeQueue(*[[str(number) for number in range(10)]] * 2), FakeHandler()
    polling, go_on = threading.Event(), threading.Event()
    receive = queue.receive

    def second_poll_lasts(wait_seconds: int | None = None) -> list[Message]:
        if wait_seconds is not None:
            polling.set()
            go_on.wait(5)
        return receive(wait_seconds)

    queue.receive = second_poll_lasts  # type: ignore[method-assign]
    consumer = Consumer([(lambda: queue, handler)], threads=1)
    consumer.start()
    assert polling.wait(5)
    threading.Timer(0.1, go_on.set).start()
    assert consumer.stop(seconds=5)
    assert (len(queue.deleted), len(queue.given_back)) == (10, 10)


def test_a_queue_that_was_away_is_restored_and_read_on() -> None:
    queue, handler = FakeQueue(["a"], failing={"receive": 2, "restore": 1}), FakeHandler()
    assert consume(queue, handler, lambda: queue.deleted == ["a"]) == Counts(applied=1)
    assert queue.restored == 2


def test_whatever_goes_wrong_the_thread_lives() -> None:
    queue, handler = FakeQueue(["a"], ["b"]), FakeHandler()
    broken = iter([True, False])

    def give_back_nothing(messages: Sequence[Message]) -> None:
        if next(broken):
            raise ZeroDivisionError
        queue.deleted += [message.body for message in messages]

    queue.delete = give_back_nothing  # type: ignore[method-assign]
    assert consume(queue, handler, lambda: queue.deleted == ["b"]) == Counts(applied=2)


def test_a_helper_sleeps_while_the_queue_is_quiet() -> None:
    queue, handler = FakeQueue(["a"]), FakeHandler()
    stop, busy = threading.Event(), threading.Event()
    helper = Receiver(queue, handler, stop, busy, helper=True)
    helper.turn()
    assert queue.batches == [["a"]]
    busy.set()
    helper.turn()
    assert queue.deleted == ["a"]
    helper.turn()
    assert not busy.is_set()
