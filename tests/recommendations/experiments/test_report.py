"""The report: its numbers are those of the model, in JSON, with a bounded number of statements."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from recommendations.experiments import lifecycle, tally
from recommendations.experiments.plan import DEFAULT_ARMS, Arm, Plan
from recommendations.experiments.report import recent, report, users
from recommendations.experiments.statistics.lifts import Estimate, adjusted_lift, lift, ratio_lift
from recommendations.experiments.statistics.split import split_check
from recommendations.experiments.statistics.sums import RatioSums, Sums
from recommendations.models import Experiment, LostReads
from tests.recommendations.experiments.counted import modelled, stored
from tests.recommendations.experiments.facts import DAY, HOUR, START, Fact, Rating, Read, Watch, write
from tests.recommendations.experiments.model import User

pytestmark = pytest.mark.django_db
KEYS = [
    *("name", "state", "plan", "plan_hash", "started_at", "ended_at", "as_of", "days", "arms", "primary"),
    *("split", "left_out", "verdict", "problems", "health", "metrics", "by_day", "shadow", "sisters"),
    *("power", "certificate"),
]
ARMS = (*DEFAULT_ARMS, Arm("holdback", "popular", "modelled", 0.25))
PLAN = Plan("a seed", arms=ARMS, window_days=3, users_per_arm=400)
USERS = 600
END = START + 12 * DAY
WINDOW = 3 * DAY


@pytest.fixture(autouse=True)
def _facts_are_complete(settings: Any) -> None:
    settings.EXPOSURES_KEPT_DAYS = 100_000
    settings.VIEWS_KEPT_MONTHS = 0


def a_population(dice: random.Random, size: int) -> list[Fact]:
    """Users of all kinds over the whole time; those of the second arm finish more of their list."""
    facts: list[Fact] = []
    for user in range(1, size + 1):
        arm = dice.choices(PLAN.names, [4, 4, 1])[0]
        at = START + dice.random() * (END - START)
        kind = dice.random()
        if kind < 0.08:
            facts.append(Read(user, at, at + HOUR, "bus", movies=(1,)))
        elif kind < 0.15:
            facts.append(Read(user, at, at + HOUR, arm=arm, movies=(1, 2), other=(1, 2)))
        else:
            facts.append(Read(user, at, at + HOUR, arm=arm, movies=tuple(range(1, 11)), other=(5, 11)))
        if dice.random() < 0.05:
            facts.append(Rating(user, at))
        often = 0.5 if arm == "modelled" else 0.25
        for movie in range(1, 13):
            if dice.random() < often:
                begun = at + HOUR + dice.random() * 5 * DAY
                rec = dice.choice([None, True, False])
                facts.append(Watch(user, movie, begun, is_rec=rec, group=dice.choice([None, "0", "fixed"])))
                if dice.random() < 0.7:
                    facts.append(Watch(user, movie, begun + dice.random() * DAY, finish=True))
        before = [
            Watch(user, 100 + n, at - dice.random() * 20 * DAY, finish=True)
            for n in range(dice.randint(0, 3))
        ]
        facts += before
    dice.shuffle(facts)
    return facts


@pytest.fixture
def counted() -> tuple[Experiment, dict[int, User]]:
    """An experiment that was counted, and the model's rows."""
    experiment = lifecycle.create_past("past", PLAN, started_at=START, ended_at=END, actor="x")
    facts = a_population(random.Random(7), USERS)
    write(experiment.pk, facts)
    tally.tally(seconds=600)
    rows = modelled(experiment, facts)
    assert stored(experiment) == rows
    return experiment, rows


def total(user: User, figure: str) -> float:
    return sum(day[figure] for day in user.days.values())


def test_every_number_is_that_of_the_model(counted: tuple[Experiment, dict[int, User]]) -> None:
    _, rows = counted
    found = json.loads(json.dumps(report("past"), allow_nan=False))
    assert list(found) == KEYS
    by_arm = [[user for user in rows.values() if user.arm == arm.name] for arm in ARMS]
    matured = [
        [user for user in arm if user.exposed_at and user.exposed_at + WINDOW <= END] for arm in by_arm
    ]
    assert min(map(len, matured[:2])) > 150

    def summed(arm: list[User], figure: str) -> float:
        return sum(total(user, figure) for user in arm)

    assert found["arms"] == [
        {
            "name": plan.name,
            "strategy": plan.strategy,
            "taste": plan.taste,
            "weight": plan.weight,
            "exposed": len(arm),
            "matured": len(old),
            "recommended_finishes": summed(arm, "recommended"),
            "finishes": summed(arm, "finishes"),
        }
        for plan, arm, old in zip(ARMS, by_arm, matured, strict=True)
    ]
    assert found["shadow"] == [
        {"recommended_finishes": summed(arm, "recommended"), "on_both": summed(arm, "shadow")}
        for arm in by_arm
    ]
    assert found["sisters"] == [
        {
            "known": summed(arm, "rec_known"),
            "disagree": summed(arm, "rec_disagree"),
            "group_disagree": summed(arm, "group_disagree"),
        }
        for arm in by_arm
    ]
    reasons = [user.left_out for user in rows.values() if user.left_out]
    assert found["left_out"] == {reason: reasons.count(reason) for reason in set(reasons)}
    split = split_check([len(by_arm[0]), len(by_arm[1])], [1, 1])
    assert found["split"] == {"p": split.p, "e": split.e, "ok": split.ok}
    health = found["health"]
    assert (health["readers"], health["two_arms"]) == (len(rows), 0)
    read = sum(user.lists for user in rows.values())
    assert health["bus_share"] == sum(user.bus_lists for user in rows.values()) / read
    assert [sum(day["arms"][place] for day in health["exposures"]) for place in range(3)] == [
        len(arm) for arm in by_arm
    ]
    first = min(user.exposed_at for arm in by_arm for user in arm if user.exposed_at)
    assert health["exposures"][0]["day"] == first.date().isoformat()

    def column(arm: list[User], figure: str) -> list[float]:
        return [total(user, figure) for user in arm]

    def means(figure: str) -> list[Sums]:
        return [Sums.of(column(arm, figure), [user.before for user in arm]) for arm in matured]

    def ratios(num: str, den: str) -> list[RatioSums]:
        return [RatioSums.of(column(arm, num), column(arm, den)) for arm in matured]

    planned = 2 * PLAN.users_per_arm
    metrics = {metric["key"]: metric for metric in found["metrics"]}
    for key, figure in (("recommended", "recommended"), ("finishes", "finishes"), ("movies", "new_movies")):
        sums = means(figure)
        for place, shown in enumerate(metrics[key]["arms"]):
            assert shown["numerator"] == sums[place].total
            assert (shown["denominator"], shown["users"]) == (sums[place].n, sums[place].n)
            check(shown, lift(sums[0], sums[place], planned=planned), place, len(matured[place]))
            if place == 1:
                adjusted = adjusted_lift(sums[0], sums[1], planned=planned)
                assert list(shown["adjusted"].values()) == pytest.approx(
                    [adjusted.value, adjusted.low, adjusted.high]
                )
    for key, num, den in (
        ("kpi", "recommended", "finishes"),
        ("abandoned", "abandoned", "starts"),
        ("list_age", "age_seconds", "lists"),
    ):
        pairs = ratios(num, den)
        for place, shown in enumerate(metrics[key]["arms"]):
            unit = 3600 if key == "list_age" else 1
            assert shown["numerator"] * unit == pytest.approx(pairs[place].num)
            assert (shown["denominator"], shown["adjusted"]) == (pairs[place].den, None)
            check(shown, ratio_lift(pairs[0], pairs[place], planned=planned), place, len(matured[place]))
    assert found["primary"] == {
        key: metrics["recommended"]["arms"][1][key] for key in ("lift", "low", "high")
    }
    assert found["verdict"].startswith("modelled preferences do better: +")


def check(shown: dict[str, Any], estimate: Estimate, place: int, users: int) -> None:
    """The lift of an arm that has one; none of control and of small arms."""
    if place == 0 or users < 100:
        assert (shown["lift"], shown["low"], shown["high"], shown["adjusted"]) == (None, None, None, None)
        return
    if not np.isfinite(estimate.low):
        assert shown["lift"] is None
        return
    assert [shown["lift"], shown["low"], shown["high"]] == pytest.approx(
        [estimate.value, estimate.low, estimate.high]
    )


def test_a_day_is_that_of_users_of_whom_it_has_passed(counted: tuple[Experiment, dict[int, User]]) -> None:
    _, rows = counted
    for day, shown in enumerate(report("past")["by_day"]):
        assert shown["day"] == day
        for place, arm in enumerate(ARMS):
            passed = [
                user
                for user in rows.values()
                if user.arm == arm.name and user.exposed_at and user.exposed_at + (day + 1) * DAY <= END
            ]
            counts = [user.days.get(day, {}) for user in passed]
            assert shown["arms"][place] == {
                "users": len(passed),
                "recommended_finishes": sum(figures.get("recommended", 0) for figures in counts),
                "finishes": sum(figures.get("finishes", 0) for figures in counts),
            }
        assert shown["low"] < shown["lift"] < shown["high"]


def test_an_earlier_look_has_only_users_exposed_and_matured_by_then(
    counted: tuple[Experiment, dict[int, User]],
) -> None:
    _, rows = counted
    look = START + 5 * DAY
    found = report("past", as_of=look)
    assert (found["as_of"], found["days"]) == (look.isoformat(), 5.0)
    for place, arm in enumerate(ARMS):
        exposed = [user.exposed_at for user in rows.values() if user.arm == arm.name and user.exposed_at]
        assert found["arms"][place]["exposed"] == sum(at <= look for at in exposed)
        assert found["arms"][place]["matured"] == sum(at + WINDOW <= look for at in exposed)
    late = report("past", as_of=END + 99 * DAY)
    assert late == report("past")


def test_a_report_is_at_most_10_statements(counted: tuple[Experiment, dict[int, User]]) -> None:
    with CaptureQueriesContext(connection) as sent:
        report("past")
    assert len([query for query in sent if "SAVEPOINT" not in query["sql"]]) <= 10


def test_the_rows_behind_it_go_down_to_users_and_days(counted: tuple[Experiment, dict[int, User]]) -> None:
    _, rows = counted
    found = list(users("past"))
    json.dumps(found, allow_nan=False)
    assert [user["user_id"] for user in found] == sorted(rows)
    for user in found:
        expected = rows[user["user_id"]]
        assert (user["arm"], user["left_out"], user["lists"]) == (
            expected.arm,
            expected.left_out,
            expected.lists,
        )
        assert user["exposed_at"] == (expected.exposed_at.isoformat() if expected.exposed_at else None)
        assert {day.pop("day"): day for day in user["days"]} == expected.days


def test_a_draft_has_everything_but_numbers() -> None:
    lifecycle.create("draft", Plan("s"), actor="x")
    found = json.loads(json.dumps(report("draft"), allow_nan=False))
    assert list(found) == KEYS
    assert (found["state"], found["verdict"], found["as_of"], found["primary"]) == (
        "draft",
        "not started",
        None,
        None,
    )
    assert list(users("draft")) == []


def exposed(experiment: Experiment, at: datetime, arms: dict[str, int]) -> None:
    facts: list[Fact] = []
    for name, number in arms.items():
        for _ in range(number):
            user = len(facts) + 1
            facts.append(Read(user, at, at, arm=name, movies=(1,), other=(2,)))
    write(experiment.pk, facts)
    tally.tally(seconds=60)


def test_a_skewed_split_withholds_the_verdict() -> None:
    experiment = lifecycle.create_past("skewed", Plan("s"), started_at=START, ended_at=END, actor="x")
    exposed(experiment, START, {"fixed": 250, "modelled": 160})
    found = report("skewed")
    assert not found["split"]["ok"]
    assert found["verdict"] == f"withheld: {found['problems'][0]}"
    assert found["problems"][0].startswith("the split check fails (p = 0.0000")


def test_an_experiment_that_outlives_the_log_says_so_while_it_runs(settings: Any) -> None:
    settings.EXPOSURES_KEPT_DAYS = 90
    long_ago = datetime.now(UTC) - timedelta(days=150)
    lifecycle.create("long", Plan("s"), actor="x")
    Experiment.objects.filter(name="long").update(started_at=long_ago, started_by="x")
    assert report("long")["verdict"].startswith("withheld: it runs longer than lists read or views are kept")
    lifecycle.stop("long", actor="x")
    assert report("long")["problems"] == []


def test_users_in_two_arms_and_lost_reads_withhold_the_verdict() -> None:
    experiment = lifecycle.create_past("broken", Plan("s"), started_at=START, ended_at=END, actor="x")
    write(
        experiment.pk,
        [
            Read(1, START, START, arm="fixed", movies=(1,), other=(2,)),
            Read(1, START + HOUR, START + HOUR, arm="modelled", movies=(1,), other=(2,)),
        ],
    )
    tally.tally(seconds=60)
    LostReads.objects.create(day=START.date(), reads=5, seconds=2)
    LostReads.objects.create(day=(START - DAY).date(), reads=500, seconds=200)
    found = report("broken")
    assert found["health"] | {"exposures": []} == {
        "exposures": [],
        "two_arms": 1,
        "bus_share": 0.0,
        "lost_reads": 5,
        "lost_seconds": 2,
        "readers": 1,
    }
    assert (
        found["verdict"]
        == "withheld: 1 user read lists of two arms; 71.4% of the first reads of lists were lost"
    )


def test_what_is_left_to_the_plan() -> None:
    plan = Plan("s", window_days=3, users_per_arm=200)
    experiment = Experiment.objects.create(
        name="runs", plan=plan.to_json(), plan_hash=plan.hash, created_by="x", started_at=START
    )
    exposed(experiment, START + 2 * HOUR, {"fixed": 60, "modelled": 40})
    power = report("runs", as_of=START + 4 * DAY)["power"]
    assert power == {
        "smallest_effect": None,
        "users_left": 300,
        "days_left": 300 // 25 + 3,
        "exposed_a_day": 25.0,
    }
    Experiment.objects.update(ended_at=END)
    assert report("runs")["power"]["days_left"] is None


def test_a_report_that_takes_long_is_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommendations.experiments.report._kept", {})
    experiment = lifecycle.create_past("large", Plan("s"), started_at=START, ended_at=END, actor="x")
    assert recent("large") == report("large")
    exposed(experiment, START, {"fixed": 1, "modelled": 1})
    assert recent("large") == report("large")
    monkeypatch.setattr("recommendations.experiments.report.LARGE_SECONDS", 0)
    monkeypatch.setattr("recommendations.experiments.report.KEPT_FACTOR", 1_000_000)
    kept = recent("large")
    write(experiment.pk, [Rating(1, START)])
    tally.tally(seconds=60)
    assert recent("large") == kept != report("large")
    lifecycle.create("another", Plan("s"), actor="x")
    assert recent("another")["state"] == "draft"
