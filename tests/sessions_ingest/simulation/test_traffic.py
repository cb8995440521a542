"""The simulated traffic: the service shows what was sent, and the simulation fails if it does not."""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from movies.genres import GENRES, OVERALL
from movies.models import Movie, PopularList
from movies.outbox import bus
from recommendations import stores
from recommendations.models import Rater, Start
from recommendations.user_lists import Entry, UserLists
from sessions_ingest.consumer.database_handler import make_consumer
from sessions_ingest.management.commands import simulate_traffic
from sessions_ingest.simulation import players, users
from tests.servers.queues import Queues

pytestmark = pytest.mark.django_db(transaction=True)
MOVIES = range(1, 81)


@pytest.fixture
def world(queues: Queues) -> None:
    """80 movies that are popular everywhere, and 40 users with lists."""
    Movie.objects.bulk_create(
        Movie(id=id_, title=f"Movie {id_}", profile=[10] * 8 + [2] * 6 + [8]) for id_ in MOVIES
    )
    for genre in (*GENRES, OVERALL):
        PopularList.objects.create(genre=genre, movie_ids=list(MOVIES), refreshed_at=timezone.now())
    stores.current().write(
        (
            user,
            UserLists(
                recommended=tuple(range(21 + user % 20, 41 + user % 20)),
                recommended_at=timezone.now(),
                watching=(Entry(60 + user % 20, 0.5, timezone.now()),),
            ),
        )
        for user in range(1, 41)
    )


@pytest.fixture
def consumer(world: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bus, "LONG_POLL_SECONDS", 1)
    consumer = make_consumer()
    consumer.start()
    yield
    consumer.stop()
    for thread in consumer.threads:
        thread.join()
    connection.close()


def play(url: str, seconds: float = 3, *, sister_lists: bool = False) -> str:
    out = StringIO()
    try:
        call_command(
            "simulate_traffic", rate=40, seconds=seconds, url=url, sister_lists=sister_lists, stdout=out
        )
    except CommandError as error:
        out.write(f"CommandError: {error}")
    return out.getvalue()


def test_what_was_sent_is_shown_at_the_end(consumer: None, live_server: LiveServer) -> None:
    output = play(live_server.url)
    verdict = re.search(r"Verified: each of (\d+) users sees what was sent\.", output)
    assert verdict, output
    assert int(verdict[1]) >= 2  # one for each of two players; new users come by chance
    for kind in ("GET recommendations", "GET genre", "session messages"):
        number = re.search(rf"{kind} +│ +([\d,]+) │ +(\d+) ", output)
        assert number, output
        assert (int(number[1].replace(",", "")) > 0, number[2]) == (True, "0")
    assert re.search(r"recommendations messages +│ +0 │", output), output
    assert "Finish to new list: " in output
    assert "Changes of movies read" not in output  # a deployment's changes are for its own sister services


def test_lists_of_the_sister_service_are_sent_on_request_and_shown(
    consumer: None, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(players, "SISTER_LIST_SHARE", 1)
    output = play(live_server.url, sister_lists=True)
    assert "users sees what was sent." in output
    assert re.search(r"recommendations messages +│ +[1-9]", output), output


def test_it_fails_if_the_messages_are_not_consumed(
    world: None, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate_traffic, "VERIFY_SECONDS", 5.0)
    output = play(live_server.url, seconds=1)
    assert re.search(r"\d+ of \d+ users do not see what was sent:\nuser \d+: ", output), output
    assert output.endswith("CommandError: the service does not show what was sent")


def test_without_a_service_the_error_names_the_command_that_starts_it(queues: Queues) -> None:
    output = play("http://127.0.0.1:9")
    assert output.startswith("CommandError: http://127.0.0.1:9/tetraflix/genre/action?limit=100: ")
    assert output.endswith("`make run` starts the service.")


def test_it_uses_the_service_over_http_and_sqs_alone() -> None:
    folder = Path(simulate_traffic.__file__).parents[2] / "simulation"
    imported = {
        line.split()[1]
        for file in folder.glob("*.py")
        for line in file.read_text().splitlines()
        if line.startswith("from ")
    }
    ours = {
        name
        for name in imported
        if name.split(".")[0] in ("movies", "recommendations", "sessions_ingest", "tetraflix")
    }
    assert {name for name in ours if "simulation" not in name} == {"movies.outbox", "movies.genres"}


def test_sessions_say_what_those_of_the_sister_services_say(
    consumer: None, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "RATING_USERS", 1)
    assert "Verified: " in play(live_server.url)
    starts = list(Start.objects.all())
    assert {start.is_rec for start in starts} == {True, False}
    assert all(start.group_id == str(start.user_id % 2) for start in starts)
    assert set(Rater.objects.values_list("user_id", flat=True)) == {start.user_id for start in starts}


def test_a_few_users_rate_always_the_same_ones() -> None:
    def raters() -> list[int]:
        return [user for user in range(1, 1001) if users.SimulatedUser(user, {}).rates]

    assert raters() == raters()
    assert 20 <= len(raters()) <= 80
