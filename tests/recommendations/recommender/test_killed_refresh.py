"""A worker that is killed while it makes lists loses no user, whenever that happens."""

import random
from functools import partial

import pytest
from django.db import connection

from recommendations import stores
from recommendations.models import ChangedUser
from recommendations.recommender import changed_users, refresh
from tests.movies.factories import movie
from tests.sessions_ingest.processes import Process
from tests.waiting import wait_until

USERS = 3_000
KILLS = 4
PROGRAM = """
import django
django.setup()
from recommendations.recommender import refresh
refresh.BATCH = 20
print("ready", flush=True)
print(refresh.refresh_changed(seconds=600), "done", flush=True)
"""
HELD = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND datname = current_database()
"""
FINISHED = """
INSERT INTO movies_view (user_id, movie_id, watched_at)
SELECT viewer, (SELECT min(id) FROM movies_movie) + viewer %% 40, now() FROM generate_series(1, %s) AS viewer
"""


def left() -> int:
    return changed_users.waiting().users


def at_most(users: int) -> bool:
    return left() <= users


def no_lane_is_held() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(HELD)
        return bool(cursor.fetchone()[0] == 0)


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_loses_nobody(database_url: str) -> None:
    for number in range(60):
        movie(f"Movie {number}", western=number, drama=100 - number)
    with connection.cursor() as cursor:
        cursor.execute(FINISHED, [USERS])
    assert left() == USERS

    env = {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tetraflix.settings"}
    with Process("-c", PROGRAM, env=env) as first, Process("-c", PROGRAM, env=env) as second:
        for number in range(KILLS):
            wait_until(partial(at_most, left() - random.randint(1, USERS // (2 * KILLS))), seconds=120)
            victim = (first, second)[number % 2]
            victim.kill()
            if number < KILLS - 2:
                victim.start()
    wait_until(no_lane_is_held)  # PostgreSQL has noticed that the processes died
    made_before = stores.current().count()
    assert left() == USERS - made_before

    refresh.refresh_changed(seconds=600)

    assert left() == 0
    assert ChangedUser.objects.count() == USERS
    lists = dict(stores.current().scan(0, USERS))
    assert len(lists) == USERS
    assert {made.recommended_by for made in lists.values()} == {"mixture"}
    assert {len(made.recommended) for made in lists.values()} == {20}
