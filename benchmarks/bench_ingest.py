"""Messages a second from queue to commit in one process, against a loop that only receives and deletes them."""

import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from unittest.mock import patch

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.httpsession import URLLib3Session
from django.conf import settings

from benchmarks.measure import Context, Row, least, row
from movies.outbox import bus
from sessions_ingest.consumer import sqs
from sessions_ingest.consumer.database_handler import make_consumer
from sessions_ingest.consumer.http_connection import HttpConnection
from sessions_ingest.consumer.receiver import Consumer
from sessions_ingest.consumer.sqs import ATTRIBUTES
from sessions_ingest.consumer.sqs_calls import BotoCalls
from sessions_ingest.consumer.sqs_signature import Signer

ROUNDS = 5
MESSAGES = 5_000  # a round; each call of the SQS emulator scans its whole queue, so more would measure that
WARM_UP = 1_000  # of them, before the clock starts: opens connections and prepares statements
USERS = 100_000
EVENTS = 2  # a message
LOOK_SECONDS = 0.005  # between two looks at what is done, which cost CPU, too
REQUESTS = 500  # a round of signing or sending alone
QUIET_SECONDS = 35  # polls of 1, 1, 2, 4, 8 and 16 seconds, before those of 20
IDLE_SECONDS = 40  # two long polls


def run(context: Context) -> list[Row]:
    context.seed()
    threads = settings.CONSUMER_THREADS
    context.say(f"{MESSAGES:,} messages, {threads} receivers, by turns")
    rounds: list[Round] = []
    for number in range(ROUNDS):
        fill(context, seed=number)
        bare = emptied_by_a_bare_loop(threads)
        found = {}
        # in turn, so that none always has the same place in a round
        for turn in range(len(WAYS)):
            way = WAYS[(number + turn) % len(WAYS)]
            fill(context, seed=1000 * (turn + 1) + number)
            found[way] = way()
        rounds.append(Round(found[consumed], found[consumed_by_boto3], found[consumed_unlogged], bare))
    # the median of the ratios within a round, because the machine's speed changes more between rounds
    typical = middle(rounds, lambda each: each.ours.rate / each.bare)
    faster = middle(rounds, lambda each: each.boto3s.rate / each.ours.rate)
    lighter = middle(rounds, lambda each: each.boto3s.cpu / each.ours.cpu)
    logged = middle(rounds, lambda each: each.ours.rate / each.unlogged.rate)
    logged_cpu = middle(rounds, lambda each: each.ours.cpu / each.unlogged.cpu)
    context.say(f"idle for {IDLE_SECONDS} s")
    return [
        row(
            f"session messages of {EVENTS} events, one process (bare boto3 loop = 1)",
            typical.ours.rate,
            "messages/s",
            baseline=typical.bare,
            goal=">= 0.8",
        ),
        row(
            "the same with a boto3 client (DirectCalls = 1)",
            faster.boto3s.rate,
            "messages/s",
            baseline=faster.ours.rate,
        ),
        row(
            "CPU of 1,000 messages with a boto3 client (DirectCalls = 1)",
            lighter.boto3s.cpu,
            "s",
            baseline=lighter.ours.cpu,
        ),
        row(
            "session messages with the log of messages (without = 1)",
            logged.ours.rate,
            "messages/s",
            baseline=logged.unlogged.rate,
            goal=">= 0.97",
        ),
        row(
            "CPU of 1,000 messages with the log of messages (without = 1)",
            logged_cpu.ours.cpu,
            "s",
            baseline=logged_cpu.unlogged.cpu,
        ),
        *cpu_of_requests(),
        row("SQS requests per 1,000 messages", typical.ours.requests, "requests", goal="<= 210"),
        row("SQS requests per minute of an idle consumer", requests_while_idle(), "requests"),
    ]


@dataclass(frozen=True, slots=True)
class Consumed:
    """What consuming MESSAGES took."""

    rate: float  # messages a second
    cpu: float  # seconds of this process per 1,000 messages
    requests: float  # to SQS per 1,000 messages


class Round(NamedTuple):
    """The same number of messages, consumed in four ways."""

    ours: Consumed  # by the service
    boto3s: Consumed  # by the service with a boto3 client
    unlogged: Consumed  # by the service without its log of messages
    bare: float  # messages a second of the bare loop


def cpu_of_requests() -> list[Row]:
    """What botocore takes to sign, and to send, a poll of an empty queue, and what the service takes."""
    url = f"{bus.shared_client().meta.endpoint_url}/"
    keys = ReadOnlyCredentials("embedded", "embedded", None)
    body = json.dumps({"QueueUrl": bus.queue(settings.RECS_QUEUE).url, "WaitTimeSeconds": 0}).encode()
    signer, signer_of_botocore = Signer(url, "us-east-1"), SigV4Auth(keys, "sqs", "us-east-1")
    target = "AmazonSQS.ReceiveMessage"
    headers = signer.headers(keys, target, body)
    unsigned = {"Content-Type": headers["Content-Type"], "X-Amz-Target": target}
    http = HttpConnection(url, connect_seconds=bus.CONNECT_SECONDS, read_seconds=bus.READ_SECONDS)
    http_of_botocore = URLLib3Session(max_pool_connections=1)

    def microseconds(call: Callable[[], object]) -> float:
        started = time.process_time()
        for _ in range(REQUESTS):
            call()
        return 1e6 * (time.process_time() - started) / REQUESTS

    def send_by_botocore() -> bytes:
        request = AWSPreparedRequest("POST", url, headers, body, stream_output=False)  # type: ignore[arg-type]
        return http_of_botocore.send(request).content

    signing, signing_by_botocore, sending, sending_by_botocore = least(
        ROUNDS,
        lambda: microseconds(lambda: signer.headers(keys, target, body)),
        lambda: microseconds(lambda: signer_of_botocore.add_auth(AWSRequest("POST", url, unsigned, body))),
        lambda: microseconds(lambda: http.post(headers, body)),
        lambda: microseconds(send_by_botocore),
    )
    http.close()
    http_of_botocore.close()
    return [
        row("CPU to sign a request with botocore (Signer = 1)", signing_by_botocore, "us", baseline=signing),
        row(
            "CPU to send a request with botocore (HttpConnection = 1)",
            sending_by_botocore,
            "us",
            baseline=sending,
        ),
    ]


def middle(rounds: list[Round], ratio: Callable[[Round], float]) -> Round:
    """The round with the median ratio."""
    return sorted(rounds, key=ratio)[len(rounds) // 2]


def fill(context: Context, *, seed: int) -> None:
    """Sends MESSAGES session-data messages."""
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
    client = bus.shared_client()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda entries: client.send_message_batch(QueueUrl=url, Entries=entries), batches))


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

    # daemons: a thread that finds the queue empty is in a poll of a second
    workers = [threading.Thread(target=empty, args=[place], daemon=True) for place in range(threads)]
    for worker in workers:
        worker.start()
    rate = warm_rate(lambda: sum(done))
    for worker in workers:
        worker.join()
    return rate


def warm_rate(done: Callable[[], int]) -> float:
    """Messages a second after the warm-up."""
    while (warm := done()) < WARM_UP:
        time.sleep(LOOK_SECONDS)
    started = time.perf_counter()
    while done() < MESSAGES:
        time.sleep(LOOK_SECONDS)
    return (MESSAGES - warm) / (time.perf_counter() - started)


def consumed() -> Consumed:
    """Empties the queue with the service's consumer."""
    started = time.process_time()
    with patch.object(bus, "LONG_POLL_SECONDS", 1):  # its threads end soon after the last message
        consumer = make_consumer()
    consumer.start()
    rate = warm_rate(lambda: consumer.counts().applied)
    requests = consumer.requests()
    stop(consumer)
    return Consumed(rate, 1000 * (time.process_time() - started) / MESSAGES, 1000 * requests / MESSAGES)


def consumed_by_boto3() -> Consumed:
    """The same with a boto3 client."""
    with patch.object(sqs, "make_calls", BotoCalls):
        return consumed()


def consumed_unlogged() -> Consumed:
    """The same without the log of messages."""
    with patch.object(settings, "MESSAGES_KEPT", 0):
        return consumed()


WAYS = (consumed, consumed_by_boto3, consumed_unlogged)


def requests_while_idle() -> float:
    consumer = make_consumer()
    consumer.start()
    time.sleep(QUIET_SECONDS)
    before = consumer.requests()
    time.sleep(IDLE_SECONDS)
    requests = consumer.requests() - before
    stop(consumer)
    return requests * 60 / IDLE_SECONDS


def stop(consumer: Consumer) -> None:
    """Stops the consumer and waits for its threads: one in a long poll would take messages of the next round."""
    consumer.stop()
    for thread in consumer.threads:
        thread.join()
