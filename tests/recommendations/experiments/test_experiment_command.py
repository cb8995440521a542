"""`manage.py experiment`: what each act prints, and what its errors say to do."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from recommendations.experiments import tally
from recommendations.experiments.lifecycle import get
from recommendations.experiments.plan import DEFAULT_ARMS, Arm, Plan
from recommendations.experiments.planning import history as histories
from recommendations.experiments.report import report
from tests.recommendations.experiments.counted import past
from tests.recommendations.experiments.facts import DAY, START, Fact, Read, Watch, write

pytestmark = pytest.mark.django_db


def experiment(*words: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("experiment", *words, stdout=out, **options)
    return out.getvalue()


def test_an_experiment_from_its_plan_to_its_end() -> None:
    assert experiment("list") == "No experiments. Create one with: manage.py experiment create NAME\n"
    made = experiment("create", "taste", "--seed", "s")
    plan_hash = Plan("s").hash
    assert made == (f"taste is created; plan {plan_hash}.\nStart it with: manage.py experiment start taste\n")
    assert experiment("start", "taste") == f"taste runs; plan {plan_hash}.\n"
    listed = experiment("list")
    assert "taste" in listed
    assert "running" in listed
    assert plan_hash[:12] in listed
    assert (
        experiment("stop", "taste")
        == "taste is stopped.\nRead its result with: manage.py experiment report taste\n"
    )
    assert get("taste").ended_by.startswith("command")


def test_every_option_of_a_plan() -> None:
    arms = ["--arm", "control=euclid:fixed:3", "--arm", "ours=mixture:modelled"]
    numbers = ["--share", "25", "--window-days", "14", "--users-per-arm", "700", "--smallest-effect", "2.5"]
    experiment("create", "all", *arms, *numbers, "--holdback", "20")
    plan = Plan.from_json(get("all").plan)
    assert len(plan.seed) == 16
    assert plan == Plan(
        plan.seed,
        arms=(
            Arm("control", "euclid", "fixed", 3.0),
            Arm("ours", "mixture", "modelled", 1.0),
            Arm("holdback", "popular", "modelled", 1.0),
        ),
        share=25.0,
        window_days=14,
        users_per_arm=700,
        smallest_effect=2.5,
    )
    experiment("create", "parity", "--assignment", "parity")
    assert Plan.from_json(get("parity").plan).assignment == "parity"
    assert Plan.from_json(get("parity").plan).arms == DEFAULT_ARMS


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["create", "a b"], "name: A name has 1 to 60 letters, digits, - and _."),
        (["create", "x", "--share", "0"], "share: The share is more than 0 and at most 100 percent."),
        (
            ["create", "x", "--arm", "fixed"],
            "--arm fixed: an arm is NAME=STRATEGY:TASTE or NAME=STRATEGY:TASTE:WEIGHT.",
        ),
        (
            ["create", "x", "--arm", "a=mixture:fixed:heavy"],
            "--arm a=mixture:fixed:heavy: an arm is NAME=STRATEGY:TASTE or NAME=STRATEGY:TASTE:WEIGHT.",
        ),
        (["create", "x", "--arm", "a=mixture:fixed"], "arms: An experiment has 2 to 5 arms."),
        (["start", "x"], "There is no experiment x. See: manage.py experiment list"),
        (["report", "x"], "There is no experiment x. See: manage.py experiment list"),
        (["stop", "made"], "made is not running."),
        (["create", "made"], "There is an experiment made already. Choose another name."),
        (["plan", "--lift", "0"], "--lift: A lift is more than 0 percent."),
        (["plan", "--weeks", "0"], "--weeks: Weeks are a whole number from 1."),
        (["plan", "--window-days", "0"], "window_days: The window is 1 to 90 days."),
        (["certify", "made", "--seeds", "0"], "--seeds: Seeds are a whole number from 1."),
    ],
)
def test_an_error_says_what_to_do(words: list[str], error: str) -> None:
    experiment("create", "made")
    with pytest.raises(CommandError) as raised:
        experiment(*words)
    assert str(raised.value) == error


def test_too_few_data_for_a_plan_or_a_certificate() -> None:
    experiment("create", "made")
    for words in (["plan"], ["certify", "made", "--seeds", "5"]):
        with pytest.raises(CommandError, match=r"^0 users .* 200 are needed. Wait until more have"):
            experiment(*words)


def test_a_report_shows_the_verdict_first(settings: Any) -> None:
    settings.EXPOSURES_KEPT_DAYS = 100_000
    made = past(Plan("s"))
    facts: list[Fact] = [
        Read(1, START, START, arm="fixed", movies=(1, 2), other=(2, 3)),
        Watch(1, 1, START + DAY, finish=True),
        Read(2, START, START, "bus", movies=(1,)),
    ]
    write(made.pk, facts)
    tally.tally(seconds=60)
    lines = experiment("report", "past").splitlines()
    assert lines[0] == "past (stopped): not enough data yet (0 of 100 users an arm)"
    text = "\n".join(lines)
    places = [
        text.index(word) for word in ("split check", "left out: list from the bus", "matured users", "CUPED")
    ]
    assert places == sorted(places)
    assert "Smallest lift that could be seen by now: -." in text
    out = experiment("report", "past", "--json")
    assert out.count("\n") == 1
    assert json.loads(out) == json.loads(json.dumps(report("past")))


def test_a_plan_and_a_certificate_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(user, user % 21 + 0.5, float(user % 3), float(user % 4)) for user in range(1, 401)]
    users = histories.History(4, 7, 1.0, histories.People.of(rows).by_time())
    for module in ("planner", "certificate"):
        monkeypatch.setattr(f"recommendations.experiments.planning.{module}.history", lambda **_: users)
    planned = experiment("plan", "--lift", "20")
    assert planned.startswith("To show a lift of +20.0% with a probability of 80%:\n")
    assert "From 400 users of the last 4 weeks: 1 recommended finishes a user in 7 days" in planned
    experiment("create", "made", "--users-per-arm", "200")
    said = experiment("certify", "made", "--seeds", "5")
    assert said.startswith(
        "0 of 5 A/A runs on 400 users raised a false alarm at any of 28 daily looks (0.0%).\n"
    )
    assert get("made").certificate is not None
