"""Nothing lost, nothing counted twice: consumers are killed and servers stopped while messages drain."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from movies.models import Movie, View, ViewCount
from movies.outbox import bus
from recommendations import stores
from tests.sessions_ingest.processes import ROOT, Process
from tests.sessions_ingest.reference_model import Model
from tests.waiting import wait_until
from tetraflix.embedded.postgres import EmbeddedPostgres
from tetraflix.embedded.sqs import EmbeddedSqs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
CONSUME = ("manage.py", "consume")
KILLS = 10
USERS = 60
POISON = '{"userId": 1, "events": [{"movie": {"id": 5}, "progress": 7}]}'
LONG_AGO = datetime(2017, 9, 1, tzinfo=UTC)
RECENT = datetime(2020, 1, 1, tzinfo=UTC)  # later than any time that a session states, unless it lies ahead
AHEAD = 161  # the movie that each user watches by a clock that is ahead, and sometimes by none

Body = dict[str, Any]


def traffic(seed: int, sessions: int) -> tuple[Model, list[list[str]]]:
    """What comes of the messages, and the messages: rounds of bodies, to be sent one round after the other.

    Users watch 15 movies at most, of 1-100, and are recommended those too, and 101-160; 900 does not exist.
    Out of order by nature: an event's time has nothing to do with when it is sent. One in six is sent twice.
    Rounds of lists and of sessions take turns, so what was told before a list is certain. What a user watches by
    a clock that is ahead is told once a round at most, so what comes later is certain, too.
    """
    random_ = random.Random(seed)
    model = Model(movies=set(range(1, 162)))
    taste = {user: random_.sample(range(1, 101), 15) for user in range(1, USERS + 1)}
    rounds: list[list[str]] = []
    for round_ in range(10):
        bodies: list[str] = []
        for user in range(1, USERS + 1):
            if (user + round_) % 3:  # so nobody waits for a list longer than 20 finishes
                movies = [*random_.sample(taste[user], 10), *random_.choices(range(101, 161), k=14), 900]
                random_.shuffle(movies)
                model.recommended(user, movies)
                bodies.append(json.dumps({"userId": user, "rec": movies}))
        rounds.append(bodies)
        bodies, ahead = [], set[int]()
        sent = RECENT + timedelta(hours=round_)  # in the model only the order of the rounds matters
        for _ in range(sessions // 10):
            user = random_.randint(1, USERS)
            events = [event(random_, taste[user], model, user, sent) for _ in range(2)]
            if user not in ahead and random_.random() < 0.5:
                ahead.add(user)
                events.append(event_ahead(random_, model, user, sent))
            bodies.append(json.dumps({"userId": random_.choice([user, str(user)]), "events": events}))
        again = [body for body in bodies if random_.random() < 1 / 6]
        bodies += [*again, POISON]
        random_.shuffle(bodies)
        rounds.append(bodies)
    return model, rounds


def event(random_: random.Random, taste: list[int], model: Model, user: int, sent: datetime) -> Body:
    movie = random_.choice(taste)
    progress = random_.choice([1, 1, round(random_.uniform(0, 0.99), 2), round(random_.uniform(0, 0.99), 2)])
    at = LONG_AGO + timedelta(minutes=random_.randint(0, 60 * 24 * 60))
    if random_.random() < 0.02:
        movie, progress, at = random_.randint(101, 160), 1, ahead_of_now(random_)
    elif random_.random() < 0.02:
        movie = 900
    model.watched(user, movie, progress, at, sent)
    return {"movie": {"id": movie}, "progress": progress, "timestamp": at.isoformat()}


def event_ahead(random_: random.Random, model: Model, user: int, sent: datetime) -> Body:
    progress = random_.choice([1, *(round(random_.uniform(0, 0.99), 2) for _ in range(3))])
    at = ahead_of_now(random_) if progress == 1 or random_.random() < 0.5 else None
    model.watched(user, AHEAD, progress, at or sent, sent)
    return {"movie": {"id": AHEAD}, "progress": progress} | ({"timestamp": at.isoformat()} if at else {})


def ahead_of_now(random_: random.Random) -> datetime:
    return datetime.now(UTC) + timedelta(hours=random_.uniform(1, 23))


def send(rounds: list[list[str]]) -> None:
    queues = {True: bus.queue("userRecs").url, False: bus.queue("sessionData").url}

    def send_batch(url: str, bodies: list[str]) -> None:
        entries: list[Any] = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        assert not bus.shared_client().send_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    with ThreadPoolExecutor(4) as pool:
        for bodies in rounds:
            jobs = []
            for is_list, url in queues.items():
                mine = [body for body in bodies if ('"rec"' in body) == is_list]
                jobs += [pool.submit(send_batch, url, mine[i : i + 10]) for i in range(0, len(mine), 10)]
            for job in jobs:
                job.result()
            # what is sent in one millisecond is sent at the same time
            wait_until(partial(later_than, time.time_ns() // 1_000_000))


def later_than(millisecond: int) -> bool:
    return time.time_ns() // 1_000_000 > millisecond


def add_movies() -> None:
    Movie.objects.bulk_create(
        Movie(id=id_, title=f"Movie {id_}", profile=[100] + [0] * 14) for id_ in range(1, 162)
    )


def waiting() -> int:
    return bus.depth(bus.queue("sessionData").url) + bus.depth(bus.queue("userRecs").url)


def less_than(number: int) -> bool:
    return waiting() < number


def consumed_by(consumer: Process, starts: int) -> bool:
    return consumer.output().count("Consuming") == starts


def assert_as_the_model_says(model: Model, poison: int) -> None:
    views = dict(ViewCount.objects.exclude(views=0).values_list("movie_id", "views"))
    assert views == model.views()
    assert View.objects.count() == sum(views.values())
    shown = {user: stores.current().read(user) for user in model.users()}
    assert {
        user: [(entry.movie_id, entry.progress, min(entry.at, RECENT)) for entry in lists.watching]
        for user, lists in shown.items()
        if lists
    } == {
        user: [(movie, progress, min(at, RECENT)) for movie, progress, at in model.currently_watching(user)]
        for user in model.users()
    }
    assert {user: list(lists.recommended) for user, lists in shown.items() if lists} == {
        user: model.recommendations(user) for user in model.users()
    }
    # copied before it is deleted: a kill in between makes two copies, never none
    assert bus.depth(bus.queue("sessionData").dead_url) >= poison
    assert bus.depth(bus.queue("userRecs").dead_url) == 0


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
            wait_until(partial(consumed_by, consumer, kill + 1), seconds=20)
            # at least one batch is through, and then at a random moment of another
            wait_until(partial(less_than, waiting()), seconds=20)
            threading.Event().wait(moments.uniform(0, 0.1))
            assert waiting() > 0, "all done before the last kill: send more"
            consumer.kill()
            consumer.start()
        wait_until(lambda: waiting() == 0, seconds=60)
        assert consumer.stop() == 0
    assert_as_the_model_says(model, poison=10)


def test_an_outage_of_sqs_loses_nothing_and_counts_nothing_twice(
    service_env: dict[str, str], private_bus: EmbeddedSqs
) -> None:
    model, rounds = traffic(seed=5, sessions=1500)
    add_movies()
    send(rounds)
    with Process(*CONSUME, env=service_env) as consumer:
        wait_until(lambda: 0 < waiting() < 1500, seconds=20)
        private_bus.stop()  # keeps its messages
        consumer.wait_for("the queue is away")
        private_bus.start()
        consumer.wait_for("answers again")
        wait_until(lambda: waiting() == 0, seconds=60)
        assert consumer.stop() == 0
    assert_as_the_model_says(model, poison=10)


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


@pytest.mark.parametrize("away", [EmbeddedPostgres.stop, EmbeddedPostgres.kill], ids=["stopped", "killed"])
def test_an_outage_of_postgresql_loses_nothing_and_counts_nothing_twice(
    service_env: dict[str, str],
    private_database: EmbeddedPostgres,
    away: Callable[[EmbeddedPostgres], None],
) -> None:
    model, rounds = traffic(seed=6, sessions=1500)
    add_movies()
    send(rounds)
    with Process(*CONSUME, env={**service_env, "DATABASE_URL": private_database.url}) as consumer:
        wait_until(lambda: 0 < waiting() < 1500, seconds=20)
        away(private_database)
        consumer.wait_for("cannot apply now")
        private_database.start()
        connection.close()
        wait_until(lambda: waiting() == 0, seconds=60)
        assert consumer.stop() == 0
    assert_as_the_model_says(model, poison=10)
