"""Nothing is lost or counted twice when consumers are killed or servers stop while messages drain."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.db import connection
from pytest_django import Settings

from tests.sessions_ingest.processes import CONSUME, ROOT, Process
from tests.sessions_ingest.traffic import add_movies, assert_as_the_model_says, send, traffic, waiting
from tests.waiting import wait_until
from tetraflix.embedded.postgres import EmbeddedPostgres
from tetraflix.embedded.sqs import EmbeddedSqs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
KILLS = 10


def less_than(number: int) -> bool:
    return waiting() < number


def consumed_by(consumer: Process, starts: int) -> bool:
    return consumer.output().count("Consuming") == starts


@pytest.fixture(params=["postgres", "mongo"])
def store_env(request: pytest.FixtureRequest, settings: Settings) -> dict[str, str]:
    """The environment that chooses the store; this process reads the same one."""
    if request.param == "postgres":
        return {}
    settings.MONGODB_URL = request.getfixturevalue("mongodb_url")
    return {"MONGODB_URL": settings.MONGODB_URL}


def test_a_consumer_killed_at_random_moments_loses_nothing_and_counts_nothing_twice(
    service_env: dict[str, str], store_env: dict[str, str]
) -> None:
    model, rounds = traffic(seed=4, sessions=3000)
    add_movies()
    send(rounds)
    moments = random.Random()
    with Process(*CONSUME, env={**service_env, **store_env}) as consumer:
        for kill in range(KILLS):
            wait_until(partial(consumed_by, consumer, kill + 1), seconds=120)
            # after at least one batch, at a random moment of another
            wait_until(partial(less_than, waiting()), seconds=120)
            threading.Event().wait(moments.uniform(0, 0.1))
            assert waiting() > 0, "all done before the last kill: send more"
            consumer.kill()
            consumer.start()
        wait_until(lambda: waiting() == 0, seconds=200)
        assert consumer.stop() == 0
    assert_as_the_model_says(model, dead_lettered=10)


def test_an_outage_of_sqs_loses_nothing_and_counts_nothing_twice(
    service_env: dict[str, str], private_bus: EmbeddedSqs
) -> None:
    model, rounds = traffic(seed=5, sessions=1500)
    add_movies()
    send(rounds)
    with Process(*CONSUME, env=service_env) as consumer:
        wait_until(lambda: 0 < waiting() < 1500, seconds=120)
        private_bus.stop()  # keeps its messages
        consumer.wait_for("the queue is unavailable")
        private_bus.start()
        consumer.wait_for("the queue is available again")
        wait_until(lambda: waiting() == 0, seconds=200)
        assert consumer.stop() == 0
    assert_as_the_model_says(model, dead_lettered=10)


@pytest.fixture
def private_database(private_postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that the test may stop, migrated; this process's connection leads to it too."""
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=ROOT, env={**os.environ, "DATABASE_URL": private_postgres.url}, check=True)
    usual = {name: connection.settings_dict[name] for name in ("NAME", "PORT")}
    connection.close()
    connection.settings_dict.update(
        NAME=private_postgres.url.rpartition("/")[2], PORT=str(private_postgres.port)
    )
    yield private_postgres
    connection.close()
    connection.settings_dict.update(usual)


@pytest.mark.parametrize("end", [EmbeddedPostgres.stop, EmbeddedPostgres.kill], ids=["stopped", "killed"])
def test_an_outage_of_postgresql_loses_nothing_and_counts_nothing_twice(
    service_env: dict[str, str],
    private_database: EmbeddedPostgres,
    end: Callable[[EmbeddedPostgres], None],
) -> None:
    model, rounds = traffic(seed=6, sessions=1500)
    add_movies()
    send(rounds)
    with Process(*CONSUME, env={**service_env, "DATABASE_URL": private_database.url}) as consumer:
        wait_until(lambda: 0 < waiting() < 1500, seconds=120)
        end(private_database)
        consumer.wait_for("cannot apply now")
        private_database.start()
        connection.close()
        wait_until(lambda: waiting() == 0, seconds=200)
        assert consumer.stop() == 0
    assert_as_the_model_says(model, dead_lettered=10)
