"""The Celery worker consumes messages, works on tasks, and survives an outage of SQS."""

import shutil

import pytest

from movies.models import Movie
from movies.outbox import bus
from tests.servers.queues import SqsServer
from tests.sessions_ingest.consumer.worker_checks import recommend, recommended, works_on_a_task
from tests.sessions_ingest.processes import WORKER, Process
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]


@pytest.fixture
def movie() -> Movie:
    return Movie.objects.create(title="Kahaani", profile=[100] + [0] * 14)


def test_the_worker_consumes_and_stops(service_env: dict[str, str], movie: Movie) -> None:
    with Process(*WORKER, env=service_env) as worker:
        recommend(1, movie.pk)
        wait_until(lambda: recommended(1) == (movie.pk,), seconds=90)
        worker.wait_for("ready.", seconds=90)
        assert worker.stop(seconds=60) == 0


def test_a_worker_without_consume_in_worker_consumes_no_messages(
    service_env: dict[str, str], private_bus: SqsServer, movie: Movie
) -> None:
    with Process(*WORKER, env={**service_env, "CONSUME_IN_WORKER": "false"}) as worker:
        recommend(1, movie.pk)
        worker.wait_for("ready.", seconds=90)
        works_on_a_task(private_bus)
        assert bus.depth(bus.queue("userRecs").url) == 1


@pytest.mark.sqs_servers("embedded", "elasticmq")
@pytest.mark.parametrize("forgets", [False, True], ids=["stopped", "queues lost"])
def test_the_worker_recovers_from_an_outage_of_sqs(
    service_env: dict[str, str], private_bus: SqsServer, movie: Movie, forgets: bool
) -> None:
    with Process(*WORKER, env=service_env) as worker:
        recommend(1, movie.pk)
        wait_until(lambda: recommended(1) == (movie.pk,), seconds=90)
        worker.wait_for("ready.", seconds=90)
        private_bus.stop()
        if forgets:
            shutil.rmtree(private_bus.state_dir)
        worker.wait_for("the queue is unavailable", seconds=90)
        private_bus.start()
        wait_until(lambda: _can_recommend(2, movie.pk), seconds=90)
        wait_until(lambda: recommended(2) == (movie.pk,), seconds=90)
        works_on_a_task(private_bus)
        assert worker.running


def _can_recommend(user_id: int, movie_id: int) -> bool:
    try:
        recommend(user_id, movie_id)
    except bus.shared_client().exceptions.ClientError:  # the queues do not exist again yet
        return False
    return True
