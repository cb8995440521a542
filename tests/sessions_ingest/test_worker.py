"""The Celery worker is the whole back end: it consumes, works on tasks, and outlives its broker."""

import json

import pytest

from movies import bus
from movies.models import Movie
from recommendations import stores
from tests.sessions_ingest.processes import Process
from tests.waiting import wait_until
from tetraflix.celery import app
from tetraflix.embedded.sqs import EmbeddedSqs

pytestmark = pytest.mark.django_db(transaction=True)
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


@pytest.fixture
def movie() -> Movie:
    return Movie.objects.create(title="Kahaani", profile=[100] + [0] * 14)


def test_the_worker_consumes_and_stops_within_two_seconds(service_env: dict[str, str], movie: Movie) -> None:
    with Process(*WORKER, env=service_env) as worker:
        recommend(1, movie.pk)
        wait_until(lambda: recommended(1) == (movie.pk,), seconds=20)
        worker.wait_for("ready.")
        assert worker.stop(seconds=3) == 0


def test_a_worker_told_not_to_leaves_the_queues_alone(service_env: dict[str, str], movie: Movie) -> None:
    with Process(*WORKER, env={**service_env, "CONSUME_IN_WORKER": "false"}) as worker:
        recommend(1, movie.pk)
        worker.wait_for("make_partitions")
        assert "consuming" not in worker.output()
        assert bus.depth(bus.queue("userRecs").url) == 1


@pytest.mark.parametrize("forgets", [False, True], ids=["stopped", "killed, its queues forgotten"])
def test_the_worker_goes_on_alone_after_an_outage_of_sqs(
    service_env: dict[str, str], private_bus: EmbeddedSqs, movie: Movie, forgets: bool
) -> None:
    with Process(*WORKER, env=service_env) as worker:
        recommend(1, movie.pk)
        wait_until(lambda: recommended(1) == (movie.pk,), seconds=20)
        worker.wait_for("ready.")
        private_bus.kill() if forgets else private_bus.stop()
        worker.wait_for("the queue is away")
        private_bus.start()
        wait_until(lambda: _can_recommend(2, movie.pk), seconds=20)
        wait_until(lambda: recommended(2) == (movie.pk,), seconds=30)
        # the application of this process was made for the session's server
        with app.connection_for_write(private_bus.url.replace("http://", "sqs://") + "//") as connection:
            app.send_task("sessions_ingest.tasks.clean_up", connection=connection)
        worker.wait_for("sessions_ingest.tasks.clean_up[", seconds=40)
        assert worker.running


def _can_recommend(user_id: int, movie_id: int) -> bool:
    try:
        recommend(user_id, movie_id)
    except bus.shared_client().exceptions.ClientError:  # the queues are not there again yet
        return False
    return True
