"""The verdict: which sentence when, and what no sentence ever says."""

import math
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from recommendations.experiments.analysis.verdict import Interval, percents, problems, verdict
from recommendations.experiments.plan import DEFAULT_ARMS, Arm

BETTER = Interval(0.31, 0.18, 0.46)
WORSE = Interval(-0.2, -0.3, -0.08)
NARROW = Interval(0.004, -0.03, 0.038)
WIDE = Interval(0.03, -0.03, 0.09)


def sentence(
    *,
    problems: tuple[str, ...] = (),
    matured: tuple[int, ...] = (5000, 5000),
    days: float = 20,
    primary: Interval | None = BETTER,
    smallest_effect: float = 5,
    arms: tuple[Arm, ...] = DEFAULT_ARMS,
) -> str:
    return verdict(
        arms,
        problems=problems,
        matured=matured,
        days=days,
        primary=primary,
        smallest_effect=smallest_effect,
    )


@pytest.mark.parametrize(
    ("said", "case"),
    [
        ("modelled preferences do better: +31% (+18% to +46%)", {}),
        ("fixed preferences do better: modelled -20% (-30% to -8%)", {"primary": WORSE}),
        ("no difference larger than 4% either way", {"primary": NARROW}),
        ("no difference seen yet: -3% to +9%", {"primary": WIDE}),
        ("no difference seen yet: -3.0% to +3.8%", {"primary": NARROW, "smallest_effect": 2}),
        ("not enough data yet (37 of 100 users an arm)", {"matured": (5000, 37), "days": 1}),
        ("no verdict before one full week (day 3 of 7)", {"days": 2.5}),
        ("no verdict before one full week (day 7 of 7)", {"days": 6.999}),
        ("modelled preferences do better: +31% (+18% to +46%)", {"days": 7.0, "matured": (100, 100)}),
        ("not enough data yet (an arm has no recommended finish)", {"primary": None}),
        (
            "withheld: the split check fails (p = 0.00002)",
            {"problems": ("the split check fails (p = 0.00002)",), "matured": (3, 4)},
        ),
    ],
)
def test_the_sentence(said, case):
    assert sentence(**case) == said


def test_arms_that_differ_in_more_than_taste_are_called_by_their_names():
    arms = (Arm("popular", "popular", "fixed", 1), Arm("ours", "mixture", "modelled", 1))
    assert sentence(arms=arms) == "ours does better: +31% (+18% to +46%)"


lifts = st.floats(-0.99, 50)
intervals = (
    st.tuples(lifts, lifts, lifts).map(sorted).map(lambda three: Interval(three[1], three[0], three[2]))
)
users = st.integers(0, 300)


@given(
    st.lists(st.sampled_from(["a check fails"]), max_size=1).map(tuple),
    st.tuples(users, users, users),
    st.floats(0, 100),
    st.none() | intervals,
    st.floats(0.01, 1000),
)
def test_nothing_is_shown_too_early_or_in_spite_of_a_failed_check(failed, matured, days, primary, smallest):
    said = sentence(problems=failed, matured=matured, days=days, primary=primary, smallest_effect=smallest)
    tells = "better" in said or "no difference" in said
    if failed or min(matured[:2]) < 100 or days < 7 or primary is None:
        assert not tells
        assert "%" not in said
    else:
        assert tells
        assert ("better" in said) == (primary.low > 0 or primary.high < 0)
    assert said.startswith("withheld") == bool(failed)


@given(intervals, st.floats(0.01, 1000))
def test_a_bound_that_is_named_holds(primary, smallest):
    assume(primary.low <= 0 <= primary.high)
    said = sentence(primary=primary, smallest_effect=smallest)
    if said.startswith("no difference larger than "):
        bound = int(said.split("than ")[1].split("%")[0]) / 100
        assert -bound <= primary.low
        assert primary.high <= bound
        assert max(-primary.low, primary.high) * 100 <= smallest
    else:
        assert said.startswith("no difference seen yet: ")


@given(st.lists(st.floats(-0.99, 50), min_size=1, max_size=3))
@example([-0.0])
def test_percentages_are_near_the_lifts_and_show_the_sign(values):
    for value, text in zip(values, percents(*values), strict=True):
        assert math.isclose(float(text.rstrip("%")) / 100, value, abs_tol=0.00501)
        assert text[0] == ("-" if value < 0 else "+")


def test_the_failed_checks_say_their_figures():
    fine: dict[str, Any] = {"p": 0.4, "e": 0.1, "ok": True, "two_arms": 0, "reads": 1000, "lost_reads": 10}
    fine["outlived"] = False
    assert problems(**fine) == []
    assert problems(**{**fine, "p": 0.0000213, "ok": False}) == ["the split check fails (p = 0.00002)"]
    assert problems(**{**fine, "p": 1e-30, "ok": False}) == ["the split check fails (p < 0.000000001)"]
    assert problems(**{**fine, "p": 0.02, "e": 12345.6, "ok": False}) == [
        "the split check fails (e = 12,346)"
    ]
    assert problems(**{**fine, "two_arms": 1}) == ["1 user read lists of two arms"]
    assert problems(**{**fine, "lost_reads": 20}) == ["2.0% of the first reads of lists were lost"]
    assert problems(**{**fine, "reads": 0, "lost_reads": 0}) == []
    (found,) = problems(**{**fine, "outlived": True})
    assert found.startswith("it runs longer than lists read or views are kept")
