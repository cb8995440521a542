"""The Celery worker is the whole back end: it consumes, works on tasks, and outlives its broker."""

import json
from datetime import UTC, datetime

import pytest

from movies.models import Movie
from movies.outbox import bus
from recommendations import stores
from sessions_ingest.models import IngestMinute
from tests.sessions_ingest.processes import Process
from tests.waiting import wait_until
from tetraflix.celery import app
from tetraflix.embedded.sqs import EmbeddedSqs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
WORKER = (
    "-m",
    "celery",
    "-A",
    "tetraflix",
    "worker",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
)


def recommend(user_id: int, movie_id: int) -> None:
    body = json.dumps({"userId": user_id, "rec": [movie_id]})
    bus.shared_client().send_message(QueueUrl=bus.queue("userRecs").url, MessageBody=body)


def recommended(user_id: int) -> tuple[int, ...]:
    lists = stores.current().read(user_id)
    return lists.recommended if lists else ()


def works_on_a_task(sqs: EmbeddedSqs) -> None:
    """A minute that is too old to keep goes, because the worker cleans up."""
    IngestMinute.objects.create(minute=datetime(2017, 9, 8, tzinfo=UTC), queue="sessionData")
    # the application of this process was made for the session's server
    with app.connection_for_write(sqs.url.replace("http://", "sqs://") + "//") as connection:
        app.send_task("sessions_ingest.tasks.clean_up", connection=connection)
    wait_until(lambda: not IngestMinute.objects.filter(minute__year=2017).exists(), seconds=90)


@pytest.fixture
def movie() -> Movie:
    return Movie.objects.create(title="Kahaani", profile=[100] + [0] * 14)


def test_the_worker_consumes_and_stops(service_env: dict[str, str], movie: Movie) -> None:
    with Process(*WORKER, env=service_env) as worker:
        recommend(1, movie.pk)
        wait_until(lambda: recommended(1) == (movie.pk,), seconds=90)
        worker.wait_for("ready.", seconds=90)
        assert worker.stop(seconds=60) == 0


def test_a_worker_told_not_to_leaves_the_queues_alone(
    service_env: dict[str, str], private_bus: EmbeddedSqs, movie: Movie
) -> None:
    with Process(*WORKER, env={**service_env, "CONSUME_IN_WORKER": "false"}) as worker:
        recommend(1, movie.pk)
        worker.wait_for("ready.", seconds=90)
        works_on_a_task(private_bus)
        assert bus.depth(bus.queue("userRecs").url) == 1


@pytest.mark.parametrize("forgets", [False, True], ids=["stopped", "killed, its queues forgotten"])
def test_the_worker_goes_on_alone_after_an_outage_of_sqs(
    service_env: dict[str, str], private_bus: EmbeddedSqs, movie: Movie, forgets: bool
) -> None:
    with Process(*WORKER, env=service_env) as worker:
        recommend(1, movie.pk)
        wait_until(lambda: recommended(1) == (movie.pk,), seconds=90)
        worker.wait_for("ready.", seconds=90)
        private_bus.kill() if forgets else private_bus.stop()
        worker.wait_for("the queue is away", seconds=90)
        private_bus.start()
        wait_until(lambda: _can_recommend(2, movie.pk), seconds=90)
        wait_until(lambda: recommended(2) == (movie.pk,), seconds=90)
        works_on_a_task(private_bus)
        assert worker.running


def _can_recommend(user_id: int, movie_id: int) -> bool:
    try:
        recommend(user_id, movie_id)
    except bus.shared_client().exceptions.ClientError:  # the queues are not there again yet
        return False
    return True
