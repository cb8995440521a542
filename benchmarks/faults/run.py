"""One run: sends the traffic, carries out the faults, waits until all is applied, and compares."""

import time
from collections import Counter, defaultdict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import connection

from benchmarks.faults.actions import Actions
from benchmarks.faults.compare import CHANGES, Differences, compare
from benchmarks.faults.model import InventoryModel
from benchmarks.faults.progress import Progress
from benchmarks.faults.schedule import SECOND_HALF, Fault, Kind
from benchmarks.faults.sending import Sender
from benchmarks.faults.traffic import MOVIES, RECS, SESSIONS, Traffic
from benchmarks.faults.world import Stuck, World
from movies.outbox.publisher import outbox_lag

SETTLE_SECONDS = 600  # the longest that it may take to apply and publish what was sent
WAITING_FAULTS = 2  # faults due that may wait for another one before sending waits, too
NEED_EMPTY_QUEUES = {Kind.QUEUES_DELETED}


@dataclass
class Result:
    """What a run saw."""

    done: list[Fault] = field(default_factory=list)
    took: dict[Kind, float] = field(default_factory=lambda: defaultdict(float))  # seconds, by kind
    sent: int = 0
    repeated: int = 0
    seconds: float = 0.0
    effects: Counter[str] = field(default_factory=Counter)  # what the proxies did, and how often
    rows: Counter[str] = field(default_factory=Counter)
    differences: Differences = field(default_factory=Differences)


class Run:
    """Sends up to `messages` messages of the traffic, with the faults among them, for at most so many seconds."""

    def __init__(
        self, world: World, traffic: Traffic, faults: list[Fault], *, messages: int, seconds: float
    ) -> None:
        self._world, self._traffic, self._messages = world, traffic, messages
        self._send_until = time.monotonic() + seconds
        self._deadline = self._send_until + SETTLE_SECONDS
        self._due = deque(faults)
        self._postponed: (
            list[Fault] | None
        ) = []  # until the middle has come, which is between two phases; then None
        self._result = Result()
        self._inventory = InventoryModel()
        self._actions = Actions(world, self._inventory)
        # one thread: faults happen one after the other, and the programs that it starts live as long as it
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="faults")
        self._waiting: list[Future[None]] = []
        self._sender = Sender(world, self._deadline, self._reached)

    def __call__(self, progress: Progress) -> Result:
        """Raises Stuck when the service does not do by itself what it must do in time."""
        started = time.monotonic()
        self._progress = progress
        try:
            self._actions.add_movies(list(MOVIES))
            self._send()
            self._join()
            progress.say("waiting until everything is applied and published")
            self._sender.wait_until_applied()
            self._wait_until_published()
            self._world.consumer.stop()
            self._world.second.stop()
            self._world.publisher.kill()
            progress.say("comparing with the model")
            result = self._result
            result.differences, result.rows = compare(self._world, self._traffic, self._inventory)
            result.sent, result.repeated = self._sender.sent, self._sender.repeated
            result.effects = self._world.postgres_proxy.effects + self._world.sqs_proxy.effects
            result.seconds = time.monotonic() - started
            return result
        finally:
            self._sender.close()
            self._pool.shutdown(cancel_futures=True)

    def _send(self) -> None:
        for phase in self._traffic.phases():
            if not phase:
                self._settle()
                self._due.extendleft(reversed(self._postponed or []))
                self._postponed = None
            self._sender.send(phase)
            if self._sender.sent >= self._messages and not self._postponed:
                break
            if time.monotonic() > self._send_until:
                self._progress.say(
                    f"the time is over: {self._sender.sent:,} of {self._messages:,} messages are sent"
                )
                break

    def _settle(self) -> None:
        """Returns when all that was sent is applied, and no consumer has a copy in hand."""
        self._join()
        self._sender.wait_until_applied()
        self._pool.submit(self._restart_consumers).result()
        self._sender.wait_until_applied()

    def _restart_consumers(self) -> None:
        second = self._world.second.wanted
        for consumer in (self._world.consumer, self._world.second):
            if consumer.wanted:
                consumer.wait_ready()
                consumer.stop()
        self._world.consumer.start()
        if second:
            self._world.second.start()

    def _reached(self, sent: int) -> None:
        """Begins the faults that are due."""
        while self._due and self._due[0].after <= sent:
            fault = self._due.popleft()
            if fault.kind in SECOND_HALF and self._postponed is not None:
                self._postponed.append(fault)
                continue
            if fault.kind in NEED_EMPTY_QUEUES:
                self._join()
                self._sender.finish()
                self._sender.wait_until_applied()
            self._waiting.append(self._pool.submit(self._carry_out, fault))
            if fault.kind in NEED_EMPTY_QUEUES:
                self._join()
            while len(self._waiting) > WAITING_FAULTS:
                self._waiting.pop(0).result()
        self._progress.update(sent, len(self._result.done))

    def _carry_out(self, fault: Fault) -> None:
        started = time.monotonic()
        self._actions.carry_out(fault)
        self._result.done.append(fault)
        self._result.took[fault.kind] += time.monotonic() - started

    def _join(self) -> None:
        """Returns when all faults that began have happened."""
        while self._waiting:
            self._waiting.pop(0).result()

    def _wait_until_published(self) -> None:
        connection.close()  # PostgreSQL may have been restarted since it was opened
        while outbox_lag()[0]:
            self._world.check()
            if time.monotonic() > self._deadline:
                raise Stuck("too long to wait, and the outbox is not empty")
            time.sleep(0.1)


def prepared(world: World, seed: int, messages: int) -> Traffic:
    """The traffic of a run that starts now."""
    for queue in (SESSIONS, RECS, CHANGES, f"{SESSIONS}-dead", f"{RECS}-dead"):
        world.url(queue)
    return Traffic(seed, messages, datetime.now(UTC))
