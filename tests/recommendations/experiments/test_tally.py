"""What is counted of an experiment equals an independent model, number for number, in whatever order facts arrive."""

import random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from movies.foundation.database_clock import database_time
from recommendations import tasks
from recommendations.experiments import lifecycle, tally
from recommendations.experiments.plan import Plan
from recommendations.models import ChangedUser, Experiment, ExperimentDay, ExperimentUser
from tests.movies.factories import other_connection
from tests.recommendations.experiments import worlds
from tests.recommendations.experiments.counted import END, modelled, past, running, stored
from tests.recommendations.experiments.facts import DAY, HOUR, START, Fact, Rating, Read, Watch, write

FIXED, MODELLED = "fixed", "modelled"
PLAN = Plan("a seed", window_days=2)
EXPOSED = Read(1, START, START + HOUR, arm=FIXED, movies=(1, 2, 3), other=(3, 4))
MICROSECOND = HOUR / 3_600_000_000


@pytest.fixture(autouse=True)
def _facts_are_complete(settings: Any) -> None:
    settings.EXPOSURES_KEPT_DAYS = 100_000
    settings.VIEWS_KEPT_MONTHS = 0


def marked() -> int:
    return ChangedUser.objects.filter(untallied=True).count()


class Counting(TestCase):
    """A class, because hypothesis needs the rollback of django.test.TestCase between two examples."""

    @given(worlds.facts, st.randoms(use_true_random=False), st.booleans())
    @settings(max_examples=150)
    def test_what_is_counted_equals_the_model(
        self, facts: list[Fact], dice: random.Random, runs: bool
    ) -> None:
        experiment = running(worlds.PLAN) if runs else past(worlds.PLAN)
        deliveries = [*facts, *dice.sample(facts, len(facts) // 2)]  # half of them twice
        dice.shuffle(deliveries)
        while deliveries:
            size = dice.randint(1, 12)
            write(experiment.pk, deliveries[:size])
            del deliveries[:size]
            if dice.random() < 0.5:
                tally.tally(seconds=60)
        tally.tally(seconds=60)
        assert stored(experiment) == modelled(experiment, facts)
        assert marked() == 0
        before = stored(experiment)
        tally.recount(experiment)
        assert stored(experiment) == before


EDGES: dict[str, tuple[list[Fact], dict[str, Any] | None]] = {
    "read exactly at the start": (
        [Read(1, START - DAY, START, arm=FIXED, movies=(1,), other=(2,))],
        {"exposed_at": START, "arm": FIXED},
    ),
    "read just before the start": (
        [Read(1, START - DAY, START - MICROSECOND, arm=FIXED, movies=(1,), other=(2,))],
        None,
    ),
    "read exactly at the end": ([Read(1, START, END, arm=FIXED, movies=(1,), other=(2,))], None),
    "rating at the exposure": (
        [EXPOSED, Rating(1, EXPOSED.read_at)],
        {"left_out": "rates movies", "arm": None},
    ),
    "rating after the exposure": ([EXPOSED, Rating(1, EXPOSED.read_at + MICROSECOND)], {"arm": FIXED}),
    "same list in both arms": (
        [Read(1, START, START + HOUR, arm=FIXED, movies=(1, 2), other=(1, 2))],
        {"left_out": "same list in both arms"},
    ),
    "the same movies in another order differ": (
        [Read(1, START, START + HOUR, arm=FIXED, movies=(1, 2), other=(2, 1))],
        {"arm": FIXED},
    ),
    "an own list outside the experiment": (
        [Read(1, START, START + HOUR, movies=(1, 2))],
        {"left_out": "no fixed preferences"},
    ),
    "a list of the bus": (
        [Read(1, START, START + HOUR, "bus", movies=(1,))],
        {"left_out": "list from the bus", "bus_lists": 1},
    ),
    "a list from before": (
        [Read(1, START - HOUR, START + HOUR, movies=(1,))],
        {"left_out": "list made before the start"},
    ),
    "two arms": (
        [EXPOSED, Read(1, START + DAY, START + DAY, arm=MODELLED, movies=(1,), other=(2,))],
        {"arm": FIXED, "arms": 2},
    ),
    "14 days before": (
        [
            EXPOSED,
            Watch(1, 7, EXPOSED.read_at - 14 * DAY - MICROSECOND, finish=True),
            Watch(1, 8, EXPOSED.read_at - 14 * DAY, finish=True),
            Watch(1, 9, EXPOSED.read_at - MICROSECOND, finish=True),
            Watch(1, 9, EXPOSED.read_at, finish=True),
        ],
        {"before": 2},
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("case", EDGES)
def test_who_is_exposed_at_the_edges(case: str) -> None:
    facts, expected = EDGES[case]
    experiment = past(PLAN)
    write(experiment.pk, facts)
    tally.tally(seconds=60)
    user = ExperimentUser.objects.filter(experiment=experiment).values().first()
    assert (user and {key: user[key] for key in expected or ()}) == expected  # type: ignore[literal-required]
    assert stored(experiment) == modelled(experiment, facts)


AT = EXPOSED.read_at
DAYS: dict[str, tuple[list[Fact], dict[int, tuple[int, int, int, int]]]] = {
    # day: finishes, recommended, shadow, new movies
    "at the exposure": ([Watch(1, 1, AT, finish=True)], {0: (1, 1, 0, 1)}),
    "just before the exposure": ([Watch(1, 1, AT - MICROSECOND, finish=True)], {0: (0, 0, 0, 0)}),
    "started before, finished after": (
        [Watch(1, 1, AT - HOUR), Watch(1, 1, AT + HOUR, finish=True)],
        {0: (1, 0, 0, 1)},
    ),
    "on both lists": ([Watch(1, 3, AT + HOUR, finish=True)], {0: (1, 1, 1, 1)}),
    "on the other list only": ([Watch(1, 4, AT + HOUR, finish=True)], {0: (1, 0, 0, 1)}),
    "the last moment of a day, and the first of the next": (
        [Watch(1, 1, AT + DAY - MICROSECOND, finish=True), Watch(1, 2, AT + DAY, finish=True)],
        {0: (1, 1, 0, 1), 1: (1, 1, 0, 1)},
    ),
    "the end of the window": (
        [Watch(1, 1, AT + 2 * DAY - MICROSECOND, finish=True), Watch(1, 2, AT + 2 * DAY, finish=True)],
        {0: (0, 0, 0, 0), 1: (1, 1, 0, 1)},
    ),
    "watched again": (
        [Watch(1, 1, AT + HOUR, finish=True), Watch(1, 1, AT + DAY, finish=True)],
        {0: (1, 1, 0, 1), 1: (1, 1, 0, 0)},
    ),
    "a list of the bus between": (
        [
            Watch(1, 1, AT + HOUR, finish=True),
            Read(1, AT + 2 * HOUR, AT + 2 * HOUR, "bus", movies=(2,)),
            Watch(1, 2, AT + 3 * HOUR, finish=True),
        ],
        {0: (2, 1, 0, 2)},
    ),
    "two lists read at one moment, of which the later made one counts": (
        [
            Read(1, AT + HOUR, AT + 3 * HOUR, arm=FIXED, movies=(8,), other=(3,)),
            Read(1, AT + 2 * HOUR, AT + 3 * HOUR, arm=FIXED, movies=(9,), other=(3,)),
            Watch(1, 9, AT + 4 * HOUR, finish=True),
            Watch(1, 10, AT + 4 * HOUR, finish=True),
        ],
        {0: (2, 1, 0, 2)},
    ),
    "a list read at the same moment": (
        [
            Read(1, AT + HOUR, AT + 2 * HOUR, arm=FIXED, movies=(9,), other=(8,)),
            Watch(1, 1, AT + 2 * HOUR, finish=True),
            Watch(1, 9, AT + 2 * HOUR, finish=True),
        ],
        {0: (2, 1, 0, 2)},
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("case", DAYS)
def test_what_counts_at_the_edges(case: str) -> None:
    facts, expected = DAYS[case]
    experiment = past(PLAN)
    write(experiment.pk, [EXPOSED, *facts])
    tally.tally(seconds=60)
    columns = ("finishes", "recommended", "shadow", "new_movies")
    rows = ExperimentDay.objects.filter(experiment=experiment).values_list("day", *columns)
    assert {day: tuple(numbers) for day, *numbers in rows} == expected
    assert stored(experiment) == modelled(experiment, [EXPOSED, *facts])


@pytest.mark.django_db
def test_nothing_counts_after_the_end() -> None:
    experiment = past(PLAN)
    facts: list[Fact] = [
        Read(1, START, END - HOUR, arm=FIXED, movies=(1, 2), other=(3,)),
        Watch(1, 1, END - MICROSECOND, finish=True),
        Watch(1, 2, END, finish=True),
    ]
    write(experiment.pk, facts)
    tally.tally(seconds=60)
    (day,) = ExperimentDay.objects.all()
    assert (day.finishes, day.starts) == (1, 1)


@pytest.mark.django_db
def test_marks_stay_while_no_experiment_was_started() -> None:
    lifecycle.create("draft", PLAN, actor="x")
    write(1, [Rating(1, START)])
    with CaptureQueriesContext(connection) as sent:
        assert tasks.count_experiments() == 0
    assert len(sent) <= 2
    assert marked() == 1


@pytest.mark.django_db
def test_without_marks_a_look_is_a_few_statements() -> None:
    past(PLAN)
    with CaptureQueriesContext(connection) as sent:
        assert tasks.count_experiments() == 0
    assert len([query for query in sent if "SAVEPOINT" not in query["sql"]]) <= 3


@pytest.mark.django_db
def test_what_was_counted_stays_when_the_log_has_dropped_a_part(settings: Any) -> None:
    start = database_time() - 70 * DAY
    experiment = lifecycle.create_past("old", PLAN, started_at=start, ended_at=start + 8 * DAY, actor="x")
    write(
        experiment.pk,
        [
            Read(1, start, start + HOUR, arm=FIXED, movies=(1, 2), other=(3, 4)),
            Watch(1, 1, start + 2 * HOUR, finish=True),
        ],
    )
    tally.tally(seconds=60)
    before = stored(experiment)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM recommendations_listread")  # as its partition's drop does
    settings.EXPOSURES_KEPT_DAYS = 1
    write(experiment.pk, [Watch(1, 2, start + 2 * HOUR, finish=True)])
    tally.tally(seconds=60)
    assert stored(experiment) == before != {}
    settings.EXPOSURES_KEPT_DAYS = 100_000
    tally.tally(seconds=60)
    assert stored(experiment) == {}


@pytest.mark.django_db
def test_a_stopped_experiment_is_counted_without_what_came_later() -> None:
    experiment = running(PLAN)
    write(experiment.pk, [EXPOSED, Watch(1, 1, AT + HOUR, finish=True)])
    tally.tally(seconds=60)
    Experiment.objects.filter(pk=experiment.pk).update(ended_at=AT + HOUR)
    experiment.refresh_from_db()
    tally.mark_again(experiment)
    tally.tally(seconds=60)
    assert stored(experiment)[1].days[0]["finishes"] == 0


@pytest.mark.django_db
def test_users_of_a_just_stopped_experiment_are_marked_by_the_task() -> None:
    lifecycle.create("now", PLAN, actor="x")
    experiment = lifecycle.start("now", actor="x")
    assert experiment.started_at
    at = experiment.started_at
    write(experiment.pk, [Read(1, at, at, arm=FIXED, movies=(1,), other=(2,))])
    tally.tally(seconds=60)
    assert (marked(), tasks.count_stopped_again()) == (0, 0)
    lifecycle.stop("now", actor="x")
    assert (tasks.count_stopped_again(), marked()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_users_whose_facts_are_being_written_are_left_for_later() -> None:
    experiment = past(PLAN)
    write(experiment.pk, [EXPOSED])
    with other_connection() as other, other.cursor() as cursor:
        cursor.execute("SELECT recommendations_untallied(ARRAY[1]::bigint[])")
        assert tally.tally(seconds=60) == 0
        other.rollback()
    assert tally.tally(seconds=60) == 1
