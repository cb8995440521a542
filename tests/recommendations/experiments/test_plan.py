"""A plan says what it cannot be, survives JSON, and its hash can be repeated with two standard tools."""

import hashlib
import json
from typing import Any

import pytest

from recommendations.experiments import plan as plans
from recommendations.experiments.plan import Arm, BadPlan, Plan
from recommendations.recommender.strategies import STRATEGIES


def test_a_plan_survives_json() -> None:
    plan = Plan("s", share=12.5, window_days=3, users_per_arm=7, smallest_effect=0.5)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_the_hash_is_that_of_sorted_json() -> None:
    plan = Plan("seed of 2026")
    text = json.dumps(plan.to_json(), sort_keys=True, separators=(",", ":"))
    assert plan.hash == hashlib.sha256(text.encode()).hexdigest()
    assert plan.hash != Plan("seed of 2027").hash


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("seed", {"seed": ""}),
        ("share", {"share": 0}),
        ("share", {"share": 101}),
        ("share", {"share": float("nan")}),
        ("window_days", {"window_days": 0}),
        ("users_per_arm", {"users_per_arm": 0}),
        ("smallest_effect", {"smallest_effect": 0}),
        ("assignment", {"assignment": "coin"}),
        ("arms", {"arms": (Arm("one", "mixture", "fixed", 1),)}),
        ("arms", {"arms": (Arm("one", "mixture", "fixed", 1), Arm("one", "mixture", "modelled", 1))}),
        ("arms", {"arms": (Arm("One", "mixture", "fixed", 1), Arm("two", "mixture", "modelled", 1))}),
        ("arms", {"arms": (Arm("one", "random", "fixed", 1), Arm("two", "mixture", "modelled", 1))}),
        ("arms", {"arms": (Arm("one", "mixture", "guessed", 1), Arm("two", "mixture", "modelled", 1))}),
        ("arms", {"arms": (Arm("one", "mixture", "fixed", 0), Arm("two", "mixture", "modelled", 1))}),
        ("arms", {"arms": (Arm("one", "mixture", "fixed", 1001), Arm("two", "mixture", "modelled", 1))}),
        (
            "assignment",
            {
                "assignment": "parity",
                "arms": (Arm("a", "mixture", "fixed", 1), Arm("b", "mixture", "modelled", 2)),
            },
        ),
    ],
)
def test_a_bad_plan_names_its_field(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(BadPlan) as error:
        Plan(**{"seed": "s", **changes})
    assert error.value.field == field
    assert error.value.reason.endswith(".")


def test_each_arm_is_compared_with_control_and_control_with_the_second() -> None:
    arms = (*plans.DEFAULT_ARMS, Arm("popular", "popular", "modelled", 0.1))
    plan = Plan("s", arms)
    assert [plan.compared_with(name).name for name in plan.names] == ["modelled", "fixed", "fixed"]
    assert [arm.made_by for arm in arms] == ["mixture_fixed", "mixture", "popular"]


def test_its_strategies_are_those_of_the_recommender() -> None:
    assert set(plans.STRATEGIES) == set(STRATEGIES)
