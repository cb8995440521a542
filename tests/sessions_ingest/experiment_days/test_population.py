"""The simulated users are those of their seed, and their ids those of the experiment's name."""

import itertools
from dataclasses import fields

import numpy as np

from movies.profiles import TOTAL
from sessions_ingest.experiment_days.population import (
    FIRST_ID,
    IDS_OF_A_NAME,
    NEVER,
    WARM_UP_DAYS,
    Population,
    drawn,
    first_id,
)

DAYS = 30


def population(seed: int = 1) -> Population:
    return drawn(seed=seed, first=first_id("a"), users=500, days=DAYS)


def same(one: Population, other: Population) -> dict[str, bool]:
    return {
        field.name: bool(np.array_equal(getattr(one, field.name), getattr(other, field.name)))
        for field in fields(Population)
    }


def test_a_seed_draws_the_same_users_and_looks():
    assert all(same(population(), population()).values())
    looks = [population().looking(day).tolist() for day in range(-WARM_UP_DAYS, DAYS)]
    assert looks == [population().looking(day).tolist() for day in range(-WARM_UP_DAYS, DAYS)]
    assert len({tuple(look) for look in looks}) == len(looks), "each day draws others"


def test_another_seed_draws_others():
    assert [name for name, equal in same(population(1), population(2)).items() if equal] == ["ids"]


def test_users_look_from_their_first_day_to_their_last():
    users = population()
    for day in range(-WARM_UP_DAYS, DAYS):
        looking = users.looking(day)
        assert set(np.flatnonzero(users.first_day == day)) <= set(looking)
        assert (users.first_day[looking] <= day).all()
        assert (users.last_day[looking] >= day).all()


def test_every_number_of_the_page_has_users_behind_it():
    users = population()
    assert 0 < users.given.mean() < 1
    assert 0 < (users.rates_from < NEVER).mean() < 0.2
    assert 0 < (users.bus_on < NEVER).mean() < 0.2
    assert 0 < (users.first_day < 0).mean() < 1


def test_preferences_are_a_profile_of_the_users_tastes():
    users = population()
    weights = users.preferences(7)
    assert sum(weights) == TOTAL
    assert {genre for genre, weight in enumerate(weights) if weight} == set(users.tastes[7].tolist())


def test_names_have_ids_of_their_own_between_real_users_and_those_of_the_traffic():
    names = [f"name {number}" for number in range(200)]
    firsts = sorted(first_id(name) for name in names)
    assert all(later - first >= IDS_OF_A_NAME for first, later in itertools.pairwise(firsts))
    assert firsts[0] > FIRST_ID
    assert firsts[-1] + IDS_OF_A_NAME < 2 * FIRST_ID
