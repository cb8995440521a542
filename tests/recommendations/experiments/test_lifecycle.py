"""One experiment runs at a time, and nothing of one that was started can be changed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from recommendations.experiments import lifecycle
from recommendations.experiments.lifecycle import NoSuchExperiment, NotNow
from recommendations.experiments.plan import BadPlan, Plan
from recommendations.models import Experiment

pytestmark = pytest.mark.django_db

PLAN = Plan("a seed")


def test_an_experiment_is_created_started_and_stopped() -> None:
    made = lifecycle.create("first", PLAN, actor="key:ada")
    assert (lifecycle.state_of(made), lifecycle.running()) == ("draft", None)
    started = lifecycle.start("first", actor="key:ada")
    running = lifecycle.running()
    assert running is not None
    assert (running.id, running.name, running.plan) == (made.id, "first", PLAN)
    assert (lifecycle.state_of(started), started.plan_hash) == ("running", PLAN.hash)
    stopped = lifecycle.stop("first", actor="staff:bob")
    assert (lifecycle.state_of(stopped), stopped.ended_by, lifecycle.running()) == (
        "stopped",
        "staff:bob",
        None,
    )
    assert lifecycle.last_change() == stopped.ended_at


@pytest.mark.parametrize("name", ["", "a b", "ä", "a/b", "x" * 61])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(BadPlan, match="A name has"):
        lifecycle.create(name, PLAN, actor="x")


def test_what_the_state_does_not_allow_is_refused() -> None:
    lifecycle.create("one", PLAN, actor="x")
    with pytest.raises(NotNow, match="already"):
        lifecycle.create("one", Plan("another seed"), actor="x")
    with pytest.raises(NotNow, match="one is not running"):
        lifecycle.stop("one", actor="x")
    lifecycle.start("one", actor="x")
    with pytest.raises(NotNow, match="one was started before"):
        lifecycle.start("one", actor="x")
    lifecycle.create("two", PLAN, actor="x")
    with pytest.raises(NotNow, match="one is running"):
        lifecycle.start("two", actor="x")
    lifecycle.stop("one", actor="x")
    with pytest.raises(NotNow, match="one is not running"):
        lifecycle.stop("one", actor="x")
    lifecycle.start("two", actor="x")
    with pytest.raises(NoSuchExperiment, match="no experiment three"):
        lifecycle.start("three", actor="x")


@pytest.mark.parametrize(("setting", "value"), [("RECOMMENDER", "off"), ("EXPOSURES_KEPT_DAYS", 0)])
def test_an_experiment_that_could_count_nothing_is_not_started(
    settings: Settings, setting: str, value: object
) -> None:
    lifecycle.create("blind", PLAN, actor="x")
    setattr(settings, setting, value)
    with pytest.raises(NotNow, match=f"{setting} is {value}"):
        lifecycle.start("blind", actor="x")
    assert lifecycle.running() is None


@pytest.mark.parametrize("change", [{"plan": Plan("b").to_json()}, {"name": "other"}, {"started_at": None}])
def test_the_database_keeps_what_was_started(change: dict[str, object]) -> None:
    lifecycle.create("kept", PLAN, actor="x")
    Experiment.objects.filter(name="kept").update(plan=PLAN.to_json())  # a draft may change
    lifecycle.start("kept", actor="x")
    with pytest.raises(IntegrityError, match="cannot be changed"), transaction.atomic():
        Experiment.objects.filter(name="kept").update(**change)
    lifecycle.stop("kept", actor="x")
    with pytest.raises(IntegrityError, match="cannot be changed"), transaction.atomic():
        Experiment.objects.filter(name="kept").update(ended_at=datetime.now(UTC) + timedelta(days=1))


def test_an_experiment_of_the_past_does_not_run() -> None:
    now = datetime.now(UTC)
    made = lifecycle.create_past("old", PLAN, started_at=now - timedelta(days=9), ended_at=now, actor="x")
    assert lifecycle.state_of(made) == "stopped"
    assert lifecycle.running() is None
