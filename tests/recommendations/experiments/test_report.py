"""The report: its shape, its numbers against the model, and a bounded number of statements."""

import json
from typing import Any

import pytest

from recommendations.experiments import lifecycle, tally
from recommendations.experiments.plan import Plan
from recommendations.experiments.report import report, users
from tests.recommendations.experiments.facts import DAY, HOUR, START, Fact, Read, Watch, write

pytestmark = pytest.mark.django_db
SHAPE = {
    "name",
    "state",
    "plan",
    "plan_hash",
    "started_at",
    "ended_at",
    "as_of",
    "days",
    "arms",
    "primary",
    "split",
    "left_out",
    "verdict",
    "problems",
    "health",
    "metrics",
    "by_day",
    "shadow",
    "sisters",
    "power",
    "certificate",
}


@pytest.fixture(autouse=True)
def _log_is_complete(settings: Any) -> None:
    settings.EXPOSURES_KEPT_DAYS = 100_000
    settings.VIEWS_KEPT_MONTHS = 0


def test_a_draft_is_not_started() -> None:
    lifecycle.create("draft", Plan("s"), actor="x")
    found = report("draft")
    assert found.keys() == SHAPE
    assert (found["state"], found["verdict"], found["as_of"]) == ("draft", "not started", None)
    json.dumps(found, allow_nan=False)


def test_everything_of_one_user_is_in_it() -> None:
    experiment = lifecycle.create_past(
        "one", Plan("s"), started_at=START, ended_at=START + 10 * DAY, actor="x"
    )
    facts: list[Fact] = [
        Read(1, START, START + HOUR, arm="modelled", movies=(1, 2), other=(2, 3)),
        Watch(1, 1, START + 2 * HOUR, finish=True, is_rec=False),
        Watch(1, 2, START + 26 * HOUR, finish=True),
        Watch(1, 3, START + 26 * HOUR),
    ]
    write(experiment.pk, facts)
    tally.tally(seconds=60)
    found = report("one")
    json.dumps(found, allow_nan=False)
    assert found["arms"][1] | {"weight": 1} == {
        "name": "modelled",
        "strategy": "mixture",
        "taste": "modelled",
        "weight": 1,
        "exposed": 1,
        "matured": 1,
        "recommended_finishes": 2,
        "finishes": 2,
    }
    assert found["verdict"] == "not enough data yet (0 of 100 users an arm)"
    assert [day["arms"][1]["recommended_finishes"] for day in found["by_day"]] == [1, 1, 0, 0, 0, 0, 0]
    (user,) = users("one")
    assert (user["arm"], len(user["days"])) == ("modelled", 2)
