"""Stops of `manage.py consume` under load: how long each takes, and whether it leaves messages invisible."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from benchmarks.measure import ROOT, Context, Row, row
from movies.outbox import bus

STOPS = int(os.environ.get("BENCH_STOPS", "30"))
RATES = (300, 120, 4)  # messages/s in either queue, by turns: with few of them, polls wait
MAX_DEPTH = 6_000  # a longer queue gets only the lowest rate
MAX_WORK_SECONDS = 3.0  # from the start of a consumer to its stop: random, up to so many
SETTLED_SECONDS = 2.5  # after a stop, before what is invisible is counted
HOUR = "3600"  # of invisibility, so that what a stop leaves behind does not come back
QUEUES = ("sessionData", "userRecs")


def run(context: Context) -> list[Row]:
    context.seed()
    for name in QUEUES:
        bus.shared_client().set_queue_attributes(
            QueueUrl=bus.queue(name).url, Attributes={"VisibilityTimeout": HOUR}
        )
    seconds: list[float] = []
    left = [0]
    with _traffic(context) as rate:
        for number in range(STOPS):
            rate[0] = RATES[number % len(RATES)] if _depth() < MAX_DEPTH else min(RATES)
            seconds.append(_stop_a_consumer())
            time.sleep(SETTLED_SECONDS)
            left.append(_invisible())
            context.say(f"{number + 1}: {seconds[-1]:.2f} s, {left[-1] - left[-2]} messages left invisible")
    return [
        row(f"{STOPS} stops of a consumer: median", median(seconds), "s"),
        row(f"{STOPS} stops of a consumer: longest", max(seconds), "s", goal="<= 2"),
        row(f"{STOPS} stops of a consumer: messages left invisible", left[-1], "messages", goal="<= 0"),
    ]


def _stop_a_consumer() -> float:
    """The seconds from the signal to the end of a consumer that worked for a random time."""
    consumer = subprocess.Popen(
        [sys.executable, "manage.py", "consume"],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "QUEUE_VISIBILITY_SECONDS": HOUR},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert consumer.stdout
    try:
        while "Consuming" not in (line := consumer.stdout.readline()):
            if not line:
                raise RuntimeError("manage.py consume ended at its start")
        time.sleep(random.uniform(0, MAX_WORK_SECONDS))
        began = time.monotonic()
        consumer.send_signal(signal.SIGTERM)
        consumer.communicate(timeout=60)
        return time.monotonic() - began
    finally:
        consumer.kill()
        consumer.wait()


@contextmanager
def _traffic(context: Context) -> Iterator[list[float]]:
    """Sends messages to both queues, at the rate in the list, from a thread of its own."""
    rate = [float(RATES[0])]
    ended = threading.Event()

    def send() -> None:
        client, random_ = bus.make_client(), random.Random(1)
        while not ended.is_set():
            count = 10 if rate[0] > 10 else 1
            for name in QUEUES:
                entries: list[Any] = [
                    {"Id": str(number), "MessageBody": json.dumps(_body(name, context, random_))}
                    for number in range(count)
                ]
                client.send_message_batch(QueueUrl=bus.queue(name).url, Entries=entries)
            ended.wait(count / rate[0])

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield rate
    finally:
        ended.set()
        thread.join()


def _body(queue: str, context: Context, random_: random.Random) -> dict[str, Any]:
    user, movie = random_.randint(1, context.users), random_.randint(1, context.movies)
    if queue == "userRecs":
        return {"userId": user, "rec": [movie]}
    return {"userId": user, "events": [{"movie": {"id": movie}, "progress": 1}]}


def _depth() -> int:
    return sum(bus.depth(bus.queue(name).url) for name in QUEUES)


def _invisible() -> int:
    attribute: Any = "ApproximateNumberOfMessagesNotVisible"
    return sum(
        int(
            bus.shared_client().get_queue_attributes(
                QueueUrl=bus.queue(name).url, AttributeNames=[attribute]
            )["Attributes"][attribute]
        )
        for name in QUEUES
    )
