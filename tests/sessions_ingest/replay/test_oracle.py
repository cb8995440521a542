"""The replay oracle: the hits of a replay through SQS equal those of an evaluator that never touches the service."""

import json
import random
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from movies.models import View
from movies.outbox import bus
from recommendations import stores
from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from recommendations.user_lists import Trial
from sessions_ingest.consumer.receiver import Counts
from sessions_ingest.replay import inventory, stored_history
from sessions_ingest.replay.history import Places, measure
from sessions_ingest.replay.movielens import read_movies, read_ratings
from sessions_ingest.replay.player import messages
from tests.servers.queues import Queues
from tests.sessions_ingest.bus_messages import send
from tests.sessions_ingest.experiment.numbers import arm_of
from tests.sessions_ingest.replay import small_set
from tests.sessions_ingest.replay.in_memory import FIRST, Evaluator, read

pytestmark = pytest.mark.django_db(transaction=True)

MADE_BY = {"fixed": "mixture_fixed", "modelled": "mixture"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return small_set.write(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def oracle(files: tuple[Path, Path]) -> Evaluator:
    evaluator = Evaluator(*read(*files))
    evaluator.run()
    return evaluator


def assert_equal(places: Places, oracle: Evaluator) -> None:
    assert {name: found.tolist() for name, found in places.places.items()} == oracle.places
    assert places.user_ids.tolist() == oracle.users
    assert places.coverage == {name: len(movies) / small_set.MOVIES for name, movies in oracle.listed.items()}


def assert_lists_equal(strategy: str, oracle: Evaluator) -> None:
    call_command("recommend", "--all", stdout=StringIO())
    stored = {user: stores.current().read(user) for user in oracle.past}
    assert {user: list(lists.recommended) for user, lists in stored.items() if lists} == {
        user: oracle.lists(user)[strategy] for user in oracle.past
    }
    assert {lists.recommended_by for lists in stored.values() if lists} == {strategy}


def test_the_small_set_tells_the_strategies_apart(oracle: Evaluator) -> None:
    assert len(oracle.finishes) >= small_set.RATINGS
    assert len(oracle.users) > 250
    hits = {name: sum(place > 0 for place in places) for name, places in oracle.places.items()}
    assert len(set(hits.values())) == len(hits), hits
    assert hits["mixture"] > hits["popular"] > hits["random"], hits


def test_a_replay_through_sqs_has_the_hits_of_the_oracle(
    consuming: Queues, files: tuple[Path, Path], oracle: Evaluator
) -> None:
    output = StringIO()
    call_command("replay", ratings=files[0], movies=files[1], evaluate=True, json=True, stdout=output)
    assert_equal(measure(stored_history.load(), stored_history.taste()), oracle)
    last = json.loads(output.getvalue().splitlines()[-1])
    assert last["finishes"] == len(oracle.users)
    assert {name: figures["hr20"] for name, figures in last["strategies"].items()} == {
        name: sum(place > 0 for place in places) / len(places) for name, places in oracle.places.items()
    }


@pytest.mark.parametrize("strategy", ["mixture", "euclid", "popular"])
def test_the_lists_after_a_replay_are_those_of_the_oracle(
    strategy: str, consuming: Queues, settings: Settings, files: tuple[Path, Path], oracle: Evaluator
) -> None:
    settings.RECOMMENDER = strategy
    call_command("replay", ratings=files[0], movies=files[1], stdout=StringIO())
    assert_lists_equal(strategy, oracle)


def test_both_lists_of_an_experiment_after_a_replay_are_those_of_the_oracle(
    consuming: Queues, files: tuple[Path, Path], oracle: Evaluator
) -> None:
    call_command("replay", ratings=files[0], movies=files[1], stdout=StringIO())
    experiment = lifecycle.create("taste", Plan(seed="autumn"), actor="test")
    lifecycle.start("taste", actor="test")
    call_command("recommend", "--all", stdout=StringIO())
    expected: dict[int, tuple[tuple[int, ...], str, Trial | None]] = {}
    for user, finished in oracle.past.items():
        arm = arm_of(experiment.plan, user)
        lists = {name: tuple(oracle.lists(user)[made_by]) for name, made_by in MADE_BY.items()}
        if arm and len(finished) >= FIRST:
            (other,) = (lists[name] for name in lists if name != arm)
            expected[user] = (lists[arm], MADE_BY[arm], Trial(experiment.pk, arm, other))
        else:
            expected[user] = (lists["modelled"], "mixture", None)
    stored = stores.current().read_each(list(oracle.past))
    assert {
        user: (lists.recommended, lists.recommended_by, lists.trial) for user, lists in stored.items()
    } == expected
    assert {trial.arm for _, _, trial in expected.values() if trial} == {"fixed", "modelled"}


@pytest.mark.parametrize("seed", range(2))
def test_messages_that_come_shuffled_and_twice_change_no_hit_and_no_list(
    seed: int, queues: Queues, drain: Callable[[], Counts], files: tuple[Path, Path], oracle: Evaluator
) -> None:
    inventory.add(read_movies(files[1]))
    finishes = read_ratings(files[0])
    bodies = [
        body for start in range(0, len(finishes), 25) for body in messages(finishes[start : start + 25])
    ] * 2
    random.Random(seed).shuffle(bodies)
    for body in bodies:
        send(queues.session, body)
    assert drain().applied == len(bodies)
    assert View.objects.count() == len(finishes)
    assert bus.depth(queues.session.dead_url) == 0
    assert_equal(measure(stored_history.load(), stored_history.taste()), oracle)
    assert_lists_equal("mixture", oracle)
