"""The oracle: an experiment on a simulated population, through HTTP and SQS only, equals the model number for number.

People look at their lists from several threads, and what they do is reported late, twice and shuffled, while the
consumer is killed again and again.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from movies.models import Movie
from movies.outbox import bus
from recommendations import tasks
from recommendations.experiments import report
from recommendations.models import Experiment, ExperimentDay, ExperimentUser, ListRead
from tests.servers.queues import Queues, SqsServer
from tests.servers.web_process import WebProcess
from tests.sessions_ingest.experiment.clients import Clients
from tests.sessions_ingest.experiment.figures import by_key, differences, figures
from tests.sessions_ingest.experiment.model import Person, Trial, counted
from tests.sessions_ingest.experiment.numbers import arm_of
from tests.sessions_ingest.experiment.people import MOVIES, People, profile_of
from tests.sessions_ingest.experiment.play import Play
from tests.sessions_ingest.processes import CONSUME, Process
from tetraflix.access.api_keys import create_key

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

SEED, NAME, SHARE = 5783, "taste", 95
ROUNDS = 3


@pytest.fixture
def play(
    service_env: dict[str, str], private_bus: SqsServer, settings: Settings, tmp_path: Path
) -> Iterator[Play]:
    """Two web processes, a consumer, movies, and people who have said what they like."""
    settings.RECOMMEND_SECONDS = 0
    Movie.objects.bulk_create(
        Movie(id=number, title=f"Movie {number}", profile=profile_of(number))
        for number in range(1, MOVIES + 1)
    )
    people = People(SEED)
    with (
        WebProcess(tmp_path / "web.log", **service_env) as one,
        WebProcess(tmp_path / "other.log", **service_env) as other,
        Process(*CONSUME, env=service_env) as consumer,
    ):
        clients = Clients([one.port, other.port], create_key(name="people", role="service")[1])
        play = Play(people, clients, Queues(*bus.ensure_queues()), consumer)
        clients.give_preferences(people.said())
        yield play
        clients.close()


def manage(*words: str) -> str:
    output = StringIO()
    call_command("experiment", *words, stdout=output)
    return output.getvalue()


def test_every_number_of_an_experiment_is_that_of_the_model(play: Play) -> None:
    people = play.people
    history = people.history(datetime.now(UTC) - timedelta(seconds=1))
    play.report(history)
    play.send_lists(people.of_the_bus)
    play.make_lists()
    play.look([*people.before, *people.usual[:40]])
    manage("create", NAME, "--share", str(SHARE), "--seed", "autumn", "--users-per-arm", "150")
    manage("start", NAME)
    play.look([*people.early, *people.usual[20:60], *people.of_the_bus])
    for turn in range(ROUNDS):
        play.make_lists()
        seen = play.look([*people.lookers(), *(people.quiet if turn == 0 else ())])
        if turn == 1:
            play.report(people.late_ratings(history))
            play.send_lists(people.usual[100:115])
        play.live(seen, kills=2 if turn == 0 else 1)
    play.report(play.late)
    assert play.killed
    assert play.read_log() == []
    assert rows_that_say_another_arm(play) == []

    experiment = Experiment.objects.get(name=NAME)
    assert tasks.count_experiments()
    people_counted = counted(play.facts, trial_of(experiment, people))
    assert stored_users(experiment) == modelled_users(people_counted)
    assert stored_days(experiment) == modelled_days(people_counted)
    assert set(report.report(NAME)["left_out"]) == {
        "rates movies",
        "outside the share",
        "same list in both arms",
        "no fixed preferences",
        "list from the bus",
        "list made before the start",
    }

    # a week later, as if nobody did anything more
    look = datetime.now(UTC) + timedelta(days=8)
    found = by_key(report.report(NAME, as_of=look))
    expected = figures(people_counted, experiment.plan, trial_of(experiment, people), look)
    assert list(differences(found, expected)) == []
    assert min(arm["matured"] for arm in found["arms"]) >= 100
    assert found["primary"]["low"] > 0
    assert found["verdict"].startswith("modelled preferences do better: +")

    # stopped: the command and the API say the same
    manage("stop", NAME)
    experiment.refresh_from_db()
    assert tasks.count_stopped_again() == len(people_counted)
    tasks.count_experiments()
    assert experiment.ended_at
    trial = trial_of(experiment, people)
    expected = figures(counted(play.facts, trial), experiment.plan, trial, experiment.ended_at)
    printed = json.loads(manage("report", NAME, "--json"))
    assert list(differences(by_key(printed), expected)) == []
    assert play.clients.request("GET", f"/tetraflix/experiments/{NAME}") == (200, printed)


def trial_of(experiment: Experiment, people: People) -> Trial:
    assert experiment.started_at
    return Trial(
        experiment.pk,
        experiment.started_at,
        experiment.ended_at,
        experiment.plan["window_days"],
        frozenset(user for user in people.everybody() if arm_of(experiment.plan, user)),
        {arm["name"]: str(place) for place, arm in enumerate(experiment.plan["arms"])},
    )


def rows_that_say_another_arm(play: Play) -> list[str]:
    """Logged lists of the experiment whose arm or strategy is not that of the user's hash."""
    plan = Experiment.objects.get(name=NAME).plan
    made_by = {"fixed": "mixture_fixed", "modelled": "mixture"}
    return [
        str(row)
        for row in ListRead.objects.filter(experiment__isnull=False)
        if (row.arm, row.made_by) != (arm := arm_of(plan, row.user_id), made_by.get(arm or ""))
    ]


USER_COLUMNS = ("arm", "exposed_at", "left_out", "arms", "before", "first_read_at", "lists", "bus_lists")
DAY_COLUMNS = (
    "finishes", "recommended", "shadow", "new_movies", "starts", "recommended_starts", "abandoned", "lists",
    "rec_known", "rec_disagree", "group_disagree",
)  # fmt: skip


def stored_users(experiment: Experiment) -> dict[int, tuple[Any, ...]]:
    rows = ExperimentUser.objects.filter(experiment=experiment).values_list("user_id", *USER_COLUMNS)
    return {user: tuple(columns) for user, *columns in rows}


def modelled_users(people: dict[int, Person]) -> dict[int, tuple[Any, ...]]:
    return {
        user: tuple(getattr(person, column) for column in USER_COLUMNS) for user, person in people.items()
    }


def stored_days(experiment: Experiment) -> dict[tuple[int, int], dict[str, float]]:
    rows = ExperimentDay.objects.filter(experiment=experiment)
    return {
        (row.user_id, row.day): {column: getattr(row, column) for column in DAY_COLUMNS}
        | {"age": pytest.approx(row.age_seconds, rel=1e-9)}
        for row in rows
    }


def modelled_days(people: dict[int, Person]) -> dict[tuple[int, int], dict[str, float]]:
    return {
        (user, day): {column: counts[column] for column in DAY_COLUMNS} | {"age": person.age.get(day, 0.0)}
        for user, person in people.items()
        for day, counts in person.days.items()
    }
