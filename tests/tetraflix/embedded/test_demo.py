"""`make demo`: `make run` with movies, users, live traffic and a login."""

import re
import signal

import psycopg2
import pytest
import requests

from tests.servers.running_stack import RunningStack
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(1200)  # a busy machine is no reason to fail
SIZES = ("--movies", "300", "--users", "50", "--rate", "30", "--sister-lists")


def sql(stack: RunningStack, statement: str) -> list[tuple]:
    with psycopg2.connect(stack.stack()["database"]) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def can_log_in(stack: RunningStack, password: str) -> bool:
    """As a browser does."""
    login = f"http://127.0.0.1:{stack.port}/admin/login/"
    with requests.Session() as browser:
        browser.get(login, timeout=60)
        form = {"username": "demo", "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        answer = browser.post(login, {**form, "next": "/admin/"}, timeout=60, headers={"Referer": login})
        return answer.url.endswith("/admin/") and answer.status_code == 200


def test_it_has_movies_users_traffic_and_a_login_that_ends_with_it(stack: RunningStack) -> None:
    stack.start("demo", *SIZES, seconds=600)
    status, lists = stack.get("/tetraflix/recommendations/1")
    assert status == 200
    assert 1 <= len(lists["recommendations"]) <= 20
    assert sql(stack, "select count(*) from movies_movie") == [(300,)]

    views = sql(stack, "select sum(views) from movies_viewcount")
    wait_until(lambda: sql(stack, "select sum(views) from movies_viewcount") > views, seconds=120)
    sent = "select coalesce(sum(messages), 0) > 0 from sessions_ingest_ingestminute where queue = 'userRecs'"
    wait_until(lambda: sql(stack, sent) == [(True,)], seconds=120)

    # an experiment runs, and its first users are in it
    assert f"http://127.0.0.1:{stack.port}/admin/recommendations/experiment/" in stack.printed()
    running = "select name, started_at is not null, ended_at is null from recommendations_experiment"
    assert sql(stack, running) == [("demo", True, True)]
    exposing = (
        "select count(*) > 0 from recommendations_listread where experiment is not null and movies <> other"
    )
    wait_until(lambda: sql(stack, exposing) == [(True,)], seconds=240)

    found = re.search(r"login +demo / (\S+)", stack.printed())
    assert found
    assert can_log_in(stack, found[1])
    assert not can_log_in(stack, "demo")

    stack.send(signal.SIGKILL)  # so that it cannot remove its login
    wait_until(lambda: stack.left() == [], seconds=90)
    stack.start("run")
    assert sql(stack, "select count(*) from auth_user") == [(0,)]
    assert "✓ demo login removed" in stack.printed()
    assert not can_log_in(stack, found[1])


def test_ctrl_c_removes_the_login(stack: RunningStack) -> None:
    stack.start("demo", "--movies", "20", "--users", "5", "--rate", "1", seconds=600)
    stack.send(signal.SIGINT)
    assert stack.ended() == 0
    assert "✓ demo login removed" in stack.printed()
    assert stack.left() == []
