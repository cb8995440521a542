"""A user's arm follows from the plan and the id alone; a changed plan moves only the users that must move."""

import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recommendations.experiments.assignment import OUTSIDE, arms_of
from recommendations.experiments.plan import Arm, Plan

IDS = np.arange(1, 1_000_001)
LEAST_P = 0.001  # the seeds are fixed, so a test below passes always or never


def arms(**weights: float) -> tuple[Arm, ...]:
    return tuple(Arm(name, "mixture", "fixed", weight) for name, weight in weights.items())


def mix(number: int) -> int:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        number = (number ^ (number >> shift)) * factor % 2**64
    return number ^ (number >> 31)


def uniform(key: list[str], user_id: int) -> float:
    """The documented formula, in whole numbers of Python."""
    digest = hashlib.sha256(json.dumps(key).replace(", ", ",").encode()).digest()
    first, second = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")
    return ((mix(mix(user_id ^ first) ^ second) >> 12) + 0.5) / 2**52


def arm_of(plan: Plan, user_id: int) -> int:
    if uniform(["share", plan.seed], user_id) >= plan.share / 100:
        return OUTSIDE
    times = [-math.log(uniform(["arm", plan.seed, arm.name], user_id)) / arm.weight for arm in plan.arms]
    return times.index(min(times))


def test_an_arm_never_changes():
    ids = [1, 2, 3, 5783, 10**12, 2**53 + 1, 2**62, 2**63 - 1]
    assert arms_of(Plan("first"), ids).tolist() == [1, 0, 0, 1, 0, 0, 0, 0]
    assert arms_of(Plan("second", arms=arms(a=1, b=2, c=3), share=50), ids).tolist() == [
        -1,
        -1,
        -1,
        -1,
        2,
        -1,
        -1,
        1,
    ]


@given(
    st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=50),
    st.text('abcäß/ "\\', min_size=1, max_size=20),
    st.lists(st.floats(0.01, 100), min_size=2, max_size=5),
    st.floats(1, 100),
)
def test_an_arm_is_what_the_documented_formula_says(
    ids: list[int], seed: str, weights: list[float], share: float
):
    plan = Plan(
        seed, arms=arms(**{f"arm{place}": weight for place, weight in enumerate(weights)}), share=share
    )
    assert arms_of(plan, ids).tolist() == [arm_of(plan, user_id) for user_id in ids]


def test_a_user_is_in_the_same_arm_alone_and_among_others():
    plan = Plan("alone", arms=arms(a=1, b=2, c=3), share=80)
    together = arms_of(plan, IDS[:200])
    assert [arms_of(plan, user_id).tolist() for user_id in range(1, 201)] == [[place] for place in together]


@pytest.mark.parametrize("step", [1, 2, 1000, 2**40])
def test_weights_and_shares_are_met(step: int):
    plan = Plan("met", arms=arms(a=1, b=2, c=5), share=30)
    places = arms_of(plan, step * np.arange(1, 1_000_001))
    seen = np.bincount(places + 1, minlength=4)
    expected = len(places) * np.array([0.7, 0.3 / 8, 0.6 / 8, 1.5 / 8])
    assert stats.chisquare(seen, expected).pvalue >= LEAST_P


@pytest.mark.parametrize("step", [1, 2, 1000, 2**40])
def test_the_arms_of_two_experiments_are_independent(step: int):
    three = arms(a=1, b=1, c=1)
    first, second = (arms_of(Plan(seed, arms=three), step * IDS) for seed in ("one", "two"))
    table = np.bincount(3 * first + second, minlength=9).reshape(3, 3)
    assert stats.chi2_contingency(table).pvalue >= LEAST_P


def test_who_takes_part_is_independent_of_the_arm():
    plan = Plan("part", share=50)
    takes_part = arms_of(plan, IDS) != OUTSIDE
    table = np.bincount(2 * arms_of(replace(plan, share=100), IDS) + takes_part).reshape(2, 2)
    assert stats.chi2_contingency(table).pvalue >= LEAST_P


def test_neighbours_are_independent():
    places = arms_of(Plan("neighbours"), IDS)
    table = np.bincount(2 * places[:-1] + places[1:]).reshape(2, 2)
    assert stats.chi2_contingency(table).pvalue >= LEAST_P


def test_60_to_40_moves_a_fifth_of_the_shrinking_arm_and_nobody_else():
    before = arms_of(Plan("moves", arms=arms(grows=50, shrinks=50)), IDS)
    after = arms_of(Plan("moves", arms=arms(grows=60, shrinks=40)), IDS)
    assert np.array_equal(after[before == 0], before[before == 0])
    shrinking = int((before == 1).sum())
    moved = int((after[before == 1] == 0).sum())
    assert stats.binomtest(moved, shrinking, 0.2).pvalue >= LEAST_P


def test_an_arm_that_is_added_takes_users_from_others_and_moves_nobody_between_them():
    before = arms_of(Plan("added", arms=arms(a=1, b=3)), IDS)
    after = arms_of(Plan("added", arms=arms(a=1, b=3, c=2)), IDS)
    stayed = after != 2
    assert np.array_equal(after[stayed], before[stayed])
    taken = np.bincount(before[~stayed])
    assert stats.chisquare(taken, taken.sum() * np.array([0.25, 0.75])).pvalue >= LEAST_P


def test_a_growing_share_only_adds_users():
    few = arms_of(Plan("share", share=20), IDS)
    more = arms_of(Plan("share", share=21), IDS)
    took_part = few != OUTSIDE
    assert np.array_equal(more[took_part], few[took_part])
    assert stats.binomtest(int((more != OUTSIDE).sum()), len(IDS), 0.21).pvalue >= LEAST_P


def test_parity_is_the_users_id_modulo_2_whatever_the_seed():
    plan = Plan("parity", assignment="parity")
    assert arms_of(plan, [0, 1, 2, 5783, 2**63 - 1]).tolist() == [0, 1, 0, 1, 1]
    half = arms_of(replace(plan, share=50), IDS)
    takes_part = half != OUTSIDE
    assert np.array_equal(half[takes_part], IDS[takes_part] % 2)
    assert np.array_equal(takes_part, arms_of(Plan("parity", share=50), IDS) != OUTSIDE)


def test_nobody_has_no_arm():
    assert arms_of(Plan("nobody"), []).tolist() == []
