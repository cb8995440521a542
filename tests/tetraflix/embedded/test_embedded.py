"""The embedded PostgreSQL and SQS keep their data, and stop when asked."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest

from movies.outbox import bus
from tests.servers.queues import Queues
from tetraflix.embedded import postgres, sqs
from tetraflix.embedded.ports import free_port
from tetraflix.embedded.postgres import EmbeddedPostgres
from tetraflix.embedded.processes import ChildError
from tetraflix.embedded.sqs import REGION, EmbeddedSqs


def test_committed_data_survives_a_kill(private_postgres: EmbeddedPostgres) -> None:
    connection = psycopg2.connect(private_postgres.url)
    with connection, connection.cursor() as cursor:
        cursor.execute("create table kept (n int); insert into kept values (7)")
    private_postgres.kill()
    url = private_postgres.start()
    with psycopg2.connect(url) as again, again.cursor() as cursor:
        cursor.execute("select n from kept")
        assert cursor.fetchall() == [(7,)]


def test_each_test_has_queues_of_its_own(queues: Queues) -> None:
    client = bus.shared_client()
    client.send_message(QueueUrl=queues.session.url, MessageBody="{}")
    assert [bus.depth(queue.url) for queue in (queues.session, queues.recs, queues.changes)] == [1, 0, 0]


def client_of(server: EmbeddedSqs) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id="embedded",
        aws_secret_access_key="embedded",
    )


def test_a_kill_of_sqs_loses_nothing_that_it_answered(private_sqs: EmbeddedSqs) -> None:
    client = client_of(private_sqs)
    dead = client.create_queue(QueueName="q-dead")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})
    url = client.create_queue(QueueName="q", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    client.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "600"})
    for number in range(5):
        client.send_message(QueueUrl=url, MessageBody=f"{number}")
    deleted, released, kept = client.receive_message(QueueUrl=url, MaxNumberOfMessages=3)["Messages"]
    client.delete_message(QueueUrl=url, ReceiptHandle=deleted["ReceiptHandle"])
    entry = {"Id": "0", "ReceiptHandle": released["ReceiptHandle"], "VisibilityTimeout": 0}
    client.change_message_visibility_batch(QueueUrl=url, Entries=[entry])

    private_sqs.kill()
    private_sqs.start()

    assert private_sqs.note == "SQS was killed: 4 messages are kept, nothing is lost."
    found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [one["Body"] for one in found] == ["3", "4"]
    assert [one["Body"] for one in client.receive_message(QueueUrl=dead)["Messages"]] == ["1"]
    client.delete_message(QueueUrl=url, ReceiptHandle=kept["ReceiptHandle"])  # received before the kill
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (attributes["VisibilityTimeout"], attributes["ApproximateNumberOfMessagesNotVisible"]) == (
        "600",
        "2",
    )

    private_sqs.stop()
    private_sqs.start()
    assert private_sqs.note == ""


def test_a_fifo_queue_keeps_its_order_and_refuses_repeats_after_a_kill(private_sqs: EmbeddedSqs) -> None:
    client = client_of(private_sqs)
    url = client.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    def send(body: str) -> str:
        words = {"MessageGroupId": "g", "MessageDeduplicationId": body}
        return client.send_message(QueueUrl=url, MessageBody=body, **words)["SequenceNumber"]

    numbers = [send(body) for body in "abc"]
    private_sqs.kill()
    private_sqs.start()
    assert send("a") == numbers[0]
    assert send("d") > numbers[2]
    bodies = []
    while found := client.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages"):
        bodies.append(found[0]["Body"])
        client.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
    assert bodies == ["a", "b", "c", "d"]


def test_messages_survive_a_stop_during_a_long_poll(private_sqs: EmbeddedSqs) -> None:
    client = client_of(private_sqs)
    kept, empty = (client.create_queue(QueueName=name)["QueueUrl"] for name in ("kept", "empty"))
    client.send_message(QueueUrl=kept, MessageBody="text")
    body = f"Action=ReceiveMessage&QueueUrl={empty}&WaitTimeSeconds=20"
    with closing(http.client.HTTPConnection("127.0.0.1", private_sqs.port)) as reader:
        reader.request("POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded"})
        client.get_queue_url(
            QueueName="empty"
        )  # its response shows that the server has read the earlier request
        since = time.monotonic()
        private_sqs.stop()
        assert time.monotonic() - since < 15
    private_sqs.start()
    assert [one["Body"] for one in client.receive_message(QueueUrl=kept)["Messages"]] == ["text"]


def test_a_child_process_can_use_the_database_of_a_test(database_url: str) -> None:
    with psycopg2.connect(database_url) as other, other.cursor() as cursor:
        cursor.execute("select count(*) from movies_movie")
        assert cursor.fetchall() == [(0,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_root_with_a_closed_folder_keeps_the_data_in_an_open_one(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "postgres", 0, fsync=False)
    try:
        with psycopg2.connect(server.start()) as connection, connection.cursor() as cursor:
            cursor.execute("create table kept (n int); insert into kept values (7)")
        elsewhere = (closed / "elsewhere").readlink()
        assert server.note == (
            f"PostgreSQL refuses to run as root, and other users cannot reach {closed}:"
            f" its data is in {elsewhere / 'postgres'}"
        )
        server.stop()
        again = EmbeddedPostgres(closed / "postgres", 0, fsync=False)
        with psycopg2.connect(again.start()) as connection, connection.cursor() as cursor:
            cursor.execute("select n from kept")
            assert cursor.fetchall() == [(7,)]
        again.stop()
    finally:
        server.stop()
        shutil.rmtree((closed / "elsewhere").readlink())


def test_another_port_is_used_when_one_is_taken(open_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        server = EmbeddedPostgres(open_folder / "postgres", taken, fsync=False)
        url = server.start()
        server.stop()
    assert server.port != taken
    assert url == f"postgresql://tetraflix@127.0.0.1:{server.port}/tetraflix"


def test_a_port_is_given_once_though_nothing_listens_on_it_yet() -> None:
    port = free_port()
    assert free_port(port) != port
    code = f"from tetraflix.embedded.ports import free_port; print(free_port({port}))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(answer.stdout) != port


def test_a_server_whose_port_another_one_took_does_not_pass_for_ready(
    open_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    private_postgres: EmbeddedPostgres,
    private_sqs: EmbeddedSqs,
) -> None:
    monkeypatch.setattr(postgres, "free_port", lambda preferred: private_postgres.port)
    with pytest.raises(ChildError, match="PostgreSQL ended with code 1"):
        EmbeddedPostgres(open_folder / "second", fsync=False).start()
    monkeypatch.setattr(sqs, "free_port", lambda preferred: private_sqs.port)
    with pytest.raises(ChildError, match="SQS ended with code 1"):
        EmbeddedSqs(open_folder / "second-sqs").start()
    assert private_sqs.is_ready()


def test_the_replaced_functions_were_compared_with_this_version_of_ministack() -> None:
    why = "Compare tetraflix/embedded/sqs_server/actions.py with ministack/services/sqs.py, then change this version."
    assert version("ministack") == "1.4.21", why
