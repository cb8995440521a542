"""Workers that count at the same time, and one that is killed, lose no user and count none twice."""

import random
from functools import partial

import pytest
from django.db import connection

from recommendations.experiments import tally
from recommendations.experiments.plan import Plan
from recommendations.models import ChangedUser, ExperimentDay
from tests.recommendations.experiments.counted import modelled, past, stored
from tests.recommendations.experiments.facts import DAY, HOUR, START, Fact, Read, Watch, write
from tests.sessions_ingest.processes import Process
from tests.waiting import wait_until

USERS = 600
KILLS = 4
PROGRAM = """
import django
django.setup()
from recommendations.experiments import tally
tally.BATCH = 5
print("ready", flush=True)
print(tally.tally(seconds=600), "done", flush=True)
"""


def left() -> int:
    return ChangedUser.objects.filter(untallied=True).count()


def at_most(users: int) -> bool:
    return left() <= users


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_loses_nobody(database_url: str, settings) -> None:
    settings.EXPOSURES_KEPT_DAYS = 100_000
    experiment = past(Plan("a seed"))
    facts: list[Fact] = []
    for user in range(1, USERS + 1):
        arm = ("fixed", "modelled")[user % 2]
        facts.append(Read(user, START, START + HOUR, arm=arm, movies=(1, 2), other=(2, 3)))
        facts += [Watch(user, movie, START + movie * DAY, finish=True) for movie in (1, 2, 3)]
    write(experiment.pk, facts)
    assert left() == USERS

    env = {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "tetraflix.settings",
        "EXPOSURES_KEPT_DAYS": "100000",
    }
    with Process("-c", PROGRAM, env=env) as first, Process("-c", PROGRAM, env=env) as second:
        for number in range(KILLS):
            wait_until(partial(at_most, left() - random.randint(1, USERS // (2 * KILLS))), seconds=120)
            victim = (first, second)[number % 2]
            victim.kill()
            if number < KILLS - 2:
                victim.start()
    wait_until(nobody_is_locked)

    tally.tally(seconds=600)

    assert left() == 0
    assert stored(experiment) == modelled(experiment, facts)
    assert ExperimentDay.objects.count() == 3 * USERS


def nobody_is_locked() -> bool:
    """Whether PostgreSQL has noticed that the processes died."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM recommendations_changeduser FOR UPDATE SKIP LOCKED) AS free"
        )
        return bool(cursor.fetchone()[0] == USERS)
