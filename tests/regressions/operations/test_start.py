"""The stack in the environments of operators."""

import json

import boto3
import pytest

from tests.servers.running_stack import RunningStack
from tests.waiting import wait_until

UNUSED = "http://127.0.0.1:9"  # the discard port: nothing listens there


def views(stack: RunningStack) -> int:
    return json.loads(stack.manage("status", "--json").stdout)["views"]


@pytest.mark.timeout(900)
def test_it_serves_and_ingests_behind_a_proxy_that_cannot_reach_this_machine(
    stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F1: web, worker, beat, consumer and commands reach the embedded servers directly."""
    names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    for name in ("NO_PROXY", "no_proxy"):
        stack.env.pop(name, None)
    stack.env |= dict.fromkeys(names, UNUSED)
    stack.start()
    assert stack.manage("seed_movies", "--movies", "1").returncode == 0
    seeded = views(stack)
    sqs = boto3.client(
        "sqs",
        endpoint_url=stack.stack()["sqs"],
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    event = {"movie": {"id": 1}, "progress": 1, "timestamp": "2017-09-08 12:50PM"}
    url = sqs.get_queue_url(QueueName="sessionData")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"userId": 1, "events": [event]}))
    wait_until(lambda: views(stack) == seeded + 1, seconds=240)
    assert stack.manage("status").returncode == 0
    played = stack.manage("simulate_traffic", "--rate", "5", "--seconds", "2")
    assert (played.returncode, "Verified" in played.stdout) == (0, True), played.stdout + played.stderr
