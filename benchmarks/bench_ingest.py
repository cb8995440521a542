"""Messages from queue to commit in one process, against a bare loop that only receives and deletes them."""

import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from benchmarks.measure import Context, Row, row
from movies.outbox import bus
from sessions_ingest.consumer import Consumer
from sessions_ingest.queue_consumers import make_consumer
from sessions_ingest.sqs import ATTRIBUTES

ROUNDS = 5
MESSAGES = 5_000  # a round; the emulator walks its whole queue at every call, so a longer one measures that
WARM = 1_000  # of them, before the clock starts: a consumer works for days on the connections and plans made then
USERS = 100_000
EVENTS = 2  # a message
IDLE_SECONDS = 40  # two long polls


def run(context: Context) -> list[Row]:
    context.seed()
    threads = settings.CONSUMER_THREADS
    context.say(f"{MESSAGES:,} messages, {threads} receivers, by turns")
    rounds, asked = [], 0.0
    for number in range(ROUNDS):
        fill(context, seed=number)
        bare = emptied_by_a_bare_loop(threads)
        fill(context, seed=1000 + number)
        ours, asked = consumed()
        rounds.append((ours, bare))
    # of neighbours in time, the middle one: the machine's speed changes more between rounds than within one
    ours, bare = sorted(rounds, key=lambda pair: pair[0] / pair[1])[ROUNDS // 2]
    context.say(f"idle for {IDLE_SECONDS} s")
    return [
        row(
            f"session messages of {EVENTS} events, one process (bare boto3 loop = 1)",
            ours,
            "messages/s",
            baseline=bare,
            goal=">= 0.6",
        ),
        row("SQS requests per 1,000 messages", asked, "requests", goal="<= 210"),
        row("SQS requests per minute of an idle consumer", requests_while_idle(), "requests"),
    ]


def fill(context: Context, *, seed: int) -> None:
    """MESSAGES session-data messages are in the queue."""
    random_ = random.Random(seed)
    url = bus.queue(settings.SESSION_QUEUE).url
    now = datetime.now(UTC)

    def event() -> dict[str, Any]:
        at = now - timedelta(seconds=random_.randrange(7 * 86400))
        movie = random_.randint(1, context.movies)
        return {"movie": {"id": movie}, "progress": random_.choice([1, 0.5]), "startTime": at.isoformat()}

    def body() -> str:
        return json.dumps({"userId": random_.randint(1, USERS), "events": [event() for _ in range(EVENTS)]})

    batches: list[list[Any]] = [
        [{"Id": str(place), "MessageBody": body()} for place in range(bus.MAX_BATCH_SIZE)]
        for _ in range(MESSAGES // bus.MAX_BATCH_SIZE)
    ]
    sqs = bus.shared_client()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda entries: sqs.send_message_batch(QueueUrl=url, Entries=entries), batches))


def emptied_by_a_bare_loop(threads: int) -> float:
    """Messages a second of receive-10 and delete-10 in as many threads, and nothing else."""
    url = bus.queue(settings.SESSION_QUEUE).url
    clients = [bus.make_client() for _ in range(threads)]
    done = [0] * threads

    def empty(place: int) -> None:
        while sum(done) < MESSAGES:
            messages = (
                clients[place]
                .receive_message(
                    QueueUrl=url,
                    MaxNumberOfMessages=bus.MAX_BATCH_SIZE,
                    MessageSystemAttributeNames=ATTRIBUTES,
                    WaitTimeSeconds=1,
                )
                .get("Messages", [])
            )
            if messages:
                clients[place].delete_message_batch(
                    QueueUrl=url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                        for number, message in enumerate(messages)
                    ],
                )
            done[place] += len(messages)

    # a thread that found the last messages taken is in a poll of a second: not to be waited for
    workers = [threading.Thread(target=empty, args=[place], daemon=True) for place in range(threads)]
    for worker in workers:
        worker.start()
    rate = warm_rate(lambda: sum(done))
    for worker in workers:
        worker.join()
    return rate


def warm_rate(done: Callable[[], int]) -> float:
    """Messages a second from about the WARMth to the last."""
    while (warm := done()) < WARM:
        time.sleep(0.002)
    started = time.perf_counter()
    while done() < MESSAGES:
        time.sleep(0.002)
    return (MESSAGES - warm) / (time.perf_counter() - started)


def consumed() -> tuple[float, float]:
    """Messages a second of the service's consumer, and its SQS requests per 1,000 of them."""
    consumer = make_consumer()
    long_poll, bus.LONG_POLL_SECONDS = bus.LONG_POLL_SECONDS, 1  # its threads end soon after the last message
    consumer.start()
    rate = warm_rate(lambda: consumer.counts().applied)
    requests = consumer.requests()
    stop(consumer)
    bus.LONG_POLL_SECONDS = long_poll
    return rate, 1000 * requests / MESSAGES


def requests_while_idle() -> float:
    consumer = make_consumer()
    consumer.start()
    time.sleep(1)  # each long poll has begun: what follows is whole ones
    before = consumer.requests()
    time.sleep(IDLE_SECONDS)
    requests = consumer.requests() - before
    stop(consumer)
    return requests * 60 / IDLE_SECONDS


def stop(consumer: Consumer) -> None:
    """All its threads have ended: one in a long poll would take messages from the next round."""
    consumer.stop()
    for thread in consumer.threads:
        thread.join()
