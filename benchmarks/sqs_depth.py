"""How long calls to the embedded SQS take by the depth of a queue: `python -m benchmarks.sqs_depth`."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from tetraflix.embedded.sqs import DUMMY_CREDENTIALS, REGION, EmbeddedSqs

DEPTHS = (200, 5_000, 20_000, 50_000)
CALLS = 10
EVENT = {"movie": {"id": 543}, "progress": 1, "timestamp": "2017-09-08 12:50PM"}
BODY = json.dumps({"userId": 534356757834, "events": [EVENT, EVENT]})


def milliseconds(call: Callable[[], object]) -> float:
    since = time.perf_counter()
    call()
    return (time.perf_counter() - since) * 1000


def measure(server: EmbeddedSqs) -> None:
    client = boto3.client(
        "sqs",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=DUMMY_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=DUMMY_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    url = client.create_queue(QueueName="depth", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    batch: Any = [{"Id": f"{number}", "MessageBody": BODY} for number in range(10)]
    held = 0
    for depth in DEPTHS:
        sends = []
        while held < depth:
            sends.append(milliseconds(lambda: client.send_message_batch(QueueUrl=url, Entries=batch)))
            held += 10
        receives, deletes = [], []
        for _ in range(CALLS):
            since = time.perf_counter()
            found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
            received = time.perf_counter()
            entries: Any = [
                {"Id": f"{n}", "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(found)
            ]
            client.delete_message_batch(QueueUrl=url, Entries=entries)
            receives.append((received - since) * 1000)
            deletes.append((time.perf_counter() - received) * 1000)
            held -= len(found)
        send, receive, delete = (sum(one) / len(one) for one in (sends, receives, deletes))
        line = f"{depth:>6,} messages: send 10 {send:.1f} ms, receive 10 {receive:.1f} ms, delete 10 {delete:.1f} ms"
        sys.stdout.write(line + "\n")
    server.kill()
    sys.stdout.write(f"start after a kill: {milliseconds(server.start):.0f} ms\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        one = EmbeddedSqs(Path(folder) / "sqs", 0)
        one.start()
        try:
            measure(one)
        finally:
            one.kill()
