"""The proxies lose and refuse as much as a test asks for, and pass everything else."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.faults.proxies import PostgresProxy, SqsProxy
from benchmarks.faults.world import sqs_client
from tests.servers.queues import Queues
from tetraflix.embedded.postgres import EmbeddedPostgres
from tetraflix.embedded.sqs import EmbeddedSqs


@pytest.fixture
def sqs_proxy(sqs: EmbeddedSqs) -> Iterator[SqsProxy]:
    with SqsProxy(sqs.port) as proxy:
        yield proxy


@pytest.fixture
def postgres_proxy(postgres: EmbeddedPostgres) -> Iterator[PostgresProxy]:
    with PostgresProxy(postgres.port) as proxy:
        yield proxy


@pytest.fixture
def table(postgres: EmbeddedPostgres) -> Iterator[Any]:
    """A function that lists what is in the table `kept`."""
    connection = psycopg2.connect(postgres.url)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE kept (number int)")

    def numbers() -> list[int]:
        cursor.execute("SELECT number FROM kept ORDER BY 1")
        return [number for (number,) in cursor]

    yield numbers
    cursor.execute("DROP TABLE kept")
    connection.close()


def insert(proxy: PostgresProxy, number: int) -> None:
    url = f"postgresql://tetraflix@127.0.0.1:{proxy.port}/tetraflix"
    connection = psycopg2.connect(url, connect_timeout=5)
    try:
        connection.cursor().execute("INSERT INTO kept VALUES (%s)", [number])
        connection.commit()
    finally:
        connection.close()


def test_a_commit_is_cut_before_postgresql_gets_it(postgres_proxy: PostgresProxy, table: Any) -> None:
    postgres_proxy.commits_to_lose = 1
    with pytest.raises(psycopg2.OperationalError):
        insert(postgres_proxy, 1)
    insert(postgres_proxy, 2)
    assert table() == [2]


def test_a_commit_is_cut_after_postgresql_carried_it_out(postgres_proxy: PostgresProxy, table: Any) -> None:
    postgres_proxy.answers_to_lose = 1
    with pytest.raises(psycopg2.OperationalError):
        insert(postgres_proxy, 1)
    insert(postgres_proxy, 2)
    assert table() == [1, 2]


def test_what_waits_in_a_half_open_connection_never_arrives(
    postgres_proxy: PostgresProxy, table: Any
) -> None:
    connection = psycopg2.connect(f"postgresql://tetraflix@127.0.0.1:{postgres_proxy.port}/tetraflix")
    connection.autocommit = True
    postgres_proxy.half_open(seconds=0)
    with pytest.raises(psycopg2.OperationalError):
        connection.cursor().execute("INSERT INTO kept VALUES (1)")
    connection.close()
    insert(postgres_proxy, 2)
    assert table() == [2]


def test_answers_of_sqs_are_lost_after_it_did_the_work(sqs_proxy: SqsProxy, queues: Queues) -> None:
    client = sqs_client(sqs_proxy.port)
    url = queues.session.url
    sqs_proxy.answers_to_lose["SendMessage"] = 1
    with pytest.raises(BotoCoreError):
        client.send_message(QueueUrl=url, MessageBody="kept")
    (message,) = client.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert message["Body"] == "kept"
    sqs_proxy.answers_to_lose["DeleteMessageBatch"] = 1
    entries: list[Any] = [{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}]
    with pytest.raises(BotoCoreError):
        client.delete_message_batch(QueueUrl=url, Entries=entries)
    assert depth(client, url) == 0


def test_an_ignored_delete_is_answered_as_if_done(sqs_proxy: SqsProxy, queues: Queues) -> None:
    client = sqs_client(sqs_proxy.port)
    url = queues.session.url
    client.send_message(QueueUrl=url, MessageBody="kept")
    (message,) = client.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    sqs_proxy.deletes_to_ignore = 1
    entries: list[Any] = [{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}]
    assert client.delete_message_batch(QueueUrl=url, Entries=entries)["Successful"] == [{"Id": "0"}]
    assert depth(client, url) == 1


@pytest.mark.parametrize(("status", "code"), [(400, "ThrottlingException"), (503, "ServiceUnavailable")])
def test_a_refused_request_has_no_effect(sqs_proxy: SqsProxy, queues: Queues, status: int, code: str) -> None:
    client = sqs_client(sqs_proxy.port)
    sqs_proxy.refusals.append((status, code))
    with pytest.raises(ClientError) as error:
        client.send_message(QueueUrl=queues.session.url, MessageBody=json.dumps({}))
    assert error.value.response["Error"]["Code"] == code
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert depth(client, queues.session.url) == 0


def depth(client: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(number) for number in answer["Attributes"].values())
