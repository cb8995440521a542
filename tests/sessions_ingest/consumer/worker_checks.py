"""Checks that a worker consumes messages and works on tasks."""

import json
from datetime import UTC, datetime

from movies.outbox import bus
from recommendations import stores
from sessions_ingest.models import IngestMinute
from tests.servers.queues import SqsServer
from tests.waiting import wait_until
from tetraflix.celery import app


def recommend(user_id: int, movie_id: int) -> None:
    """Sends a list of one movie."""
    body = json.dumps({"userId": user_id, "rec": [movie_id]})
    bus.shared_client().send_message(QueueUrl=bus.queue("userRecs").url, MessageBody=body)


def recommended(user_id: int) -> tuple[int, ...]:
    """The stored list."""
    lists = stores.current().read(user_id)
    return lists.recommended if lists else ()


def works_on_a_task(sqs: SqsServer) -> None:
    """Asks for a clean-up and waits until it has deleted metrics that are too old."""
    IngestMinute.objects.create(minute=datetime(2017, 9, 8, tzinfo=UTC), queue="sessionData")
    # the application of this process was made for the session's server
    with app.connection_for_write(sqs.url.replace("http://", "sqs://") + "//") as connection:
        app.send_task("sessions_ingest.tasks.clean_up", connection=connection)
    wait_until(lambda: not IngestMinute.objects.filter(minute__year=2017).exists(), seconds=90)
