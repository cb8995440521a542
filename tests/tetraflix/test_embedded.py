"""The embedded PostgreSQL and SQS: they keep what they should, and go when they are told."""

import psycopg2

from movies import bus
from tests.servers.queues import Queues
from tetraflix.embedded.postgres import EmbeddedPostgres
from tetraflix.embedded.sqs import EmbeddedSqs


def test_what_was_committed_survives_a_kill(private_postgres: EmbeddedPostgres) -> None:
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


def test_queues_survive_a_stop(private_sqs: EmbeddedSqs) -> None:
    assert private_sqs.running
    private_sqs.stop()
    assert not private_sqs.running
    private_sqs.start()
    assert private_sqs.running


def test_a_child_process_can_be_led_to_the_database_of_a_test(database_url: str) -> None:
    with psycopg2.connect(database_url) as other, other.cursor() as cursor:
        cursor.execute("select count(*) from movies_movie")
        assert cursor.fetchall() == [(0,)]
