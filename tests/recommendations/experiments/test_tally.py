"""What is counted of an experiment equals an independent model, number for number, in whatever order facts arrive."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from recommendations.experiments import lifecycle, tally
from recommendations.experiments.assignment import arms_of
from recommendations.experiments.plan import DEFAULT_ARMS, Arm, Plan
from recommendations.models import ChangedUser, Experiment, ExperimentDay, ExperimentUser
from tests.recommendations.experiments.facts import DAY, HOUR, START, Fact, Rating, Read, Watch, write
from tests.recommendations.experiments.model import FIGURES, Trial, User, users_of

END = START + 8 * DAY
WINDOW = 2
ARMS = (*DEFAULT_ARMS, Arm("holdback", "popular", "modelled", 0.2))
PLAN = Plan("a seed", arms=ARMS, window_days=WINDOW, share=70)
NAMES = st.sampled_from(PLAN.names)
# steps of 6 hours, so that equal times, times exactly at an edge, and times one step beside it are common
times = st.integers(-4 * 16, 4 * 10).map(lambda steps: START + steps * 6 * HOUR)
people = st.integers(1, 4)
movies = st.integers(1, 5)
lists = st.lists(movies, max_size=3, unique=True).map(tuple)
plain_reads = st.builds(
    Read, people, times, times, st.sampled_from(["bus", "generated", "mixture", "popular"]), movies=lists
)
reads = st.builds(Read, people, times, times, st.just("mixture"), NAMES, lists, lists)
watches = st.builds(
    Watch,
    people,
    movies,
    times,
    st.booleans(),
    st.none() | st.booleans(),
    st.none() | st.sampled_from(["0", "1", "fixed", "holdback", "group B"]),
)
ratings = st.builds(Rating, people, times)


def consistent(facts: list[Fact]) -> list[Fact]:
    """The facts without a second list of the same user and time: two reports of one list agree on what it is."""
    known: dict[Any, Read] = {}
    kept: list[Fact] = []
    for fact in facts:
        if isinstance(fact, Read):
            first = known.setdefault((fact.user, fact.made_at), fact)
            if (first.made_by, first.arm, first.movies, first.other) != (
                fact.made_by,
                fact.arm,
                fact.movies,
                fact.other,
            ):
                continue
        kept.append(fact)
    return kept


worlds = st.lists(
    st.one_of(plain_reads, reads, reads, reads, watches, watches, watches, watches, ratings), max_size=40
).map(consistent)


def stored(experiment: Experiment) -> dict[int, User]:
    """What was counted, as the model says it."""
    columns = [name for name in User.__dataclass_fields__ if name != "days"]
    users = ExperimentUser.objects.filter(experiment=experiment).values_list("user_id", *columns)
    days = ExperimentDay.objects.filter(experiment=experiment).values_list("user_id", "day", *FIGURES)
    found = {user: User(*numbers) for user, *numbers in users}
    for user, day, *numbers in days:
        found[user].days[day] = dict(zip(FIGURES, numbers, strict=True))
    return found


def modelled(experiment: Experiment, facts: Sequence[Fact]) -> dict[int, User]:
    plan = Plan.from_json(experiment.plan)
    assert experiment.started_at
    outside = {user for user in range(1, 100) if arms_of(plan, [user])[0] < 0}
    trial = Trial(experiment.started_at, experiment.ended_at, plan.window_days, plan.names, outside)
    return users_of(trial, facts)


def past(plan: Plan = PLAN) -> Experiment:
    """An experiment that ran from START to END."""
    return lifecycle.create_past("past", plan, started_at=START, ended_at=END, actor="x")


@pytest.fixture(autouse=True)
def _log_is_complete(settings: Any) -> None:
    settings.EXPOSURES_KEPT_DAYS = 100_000
    settings.VIEWS_KEPT_MONTHS = 0


class Counting(TestCase):
    """Each example of hypothesis in a transaction of its own, which django.test.TestCase's rollback ends."""

    @given(worlds, st.randoms(use_true_random=False), st.booleans())
    @settings(max_examples=300)
    def test_what_is_counted_equals_the_model(
        self, facts: list[Fact], dice: random.Random, runs: bool
    ) -> None:
        experiment = past()
        if runs:
            Experiment.objects.filter(pk=experiment.pk).delete()
            experiment = Experiment.objects.create(
                name="runs", plan=PLAN.to_json(), plan_hash=PLAN.hash, created_by="x", started_at=START
            )
        deliveries = [*facts, *dice.sample(facts, len(facts) // 2)]
        dice.shuffle(deliveries)
        while deliveries:
            size = dice.randint(1, 12)
            write(experiment.pk, deliveries[:size])
            del deliveries[:size]
            if dice.random() < 0.5:
                tally.tally(seconds=60)
        tally.tally(seconds=60)
        assert stored(experiment) == modelled(experiment, facts)
        assert not ChangedUser.objects.filter(untallied=True).exists()
