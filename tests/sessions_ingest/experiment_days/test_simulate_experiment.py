"""`manage.py simulate_experiment`: its report has what was planted, and `--remove` removes exactly what it made."""

import io
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from movies.inventory import seeding as movie_seeding
from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from recommendations.experiments.report import report
from recommendations.models import Experiment
from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch
from sessions_ingest.experiment_days import days, removal
from sessions_ingest.experiment_days.simulated import Size, simulate, simulated
from sessions_ingest.messages import Session, WatchEvent
from sessions_ingest.models import IngestMinute

pytestmark = pytest.mark.django_db
ENDED_AT = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
SMALL = Size(days=8, users=120, lift=20, seed=1)
# Of each table what facts about users, and counters, say; without numbers that grow with every use.
FACTS = {
    "views": "SELECT user_id, movie_id, watched_at, effective_at FROM movies_view",
    "view counts": "SELECT movie_id, views, recent FROM movies_viewcount WHERE views > 0",
    "genres": "SELECT day, genre, weight FROM movies_genreviews WHERE weight > 0",
    "starts": "SELECT user_id, movie_id, started_at, is_rec, group_id FROM recommendations_start",
    "raters": "SELECT user_id, rated_at FROM recommendations_rater",
    "reads": "SELECT user_id, made_at, read_at, made_by, arm, movies, other FROM recommendations_listread",
    "preferences": "SELECT user_id, weights FROM recommendations_preferences",
    "first finishes": "SELECT user_id, movie_ids, finished_at, profiles FROM recommendations_firstfinishes",
    "lists": "SELECT user_id, recommended, watching, progress, finished FROM recommendations_userlists",
    "marks": "SELECT user_id FROM recommendations_changeduser",
    "users": "SELECT user_id, arm, exposed_at, left_out, lists FROM recommendations_experimentuser",
    "days": "SELECT user_id, day, finishes, recommended, shadow, starts FROM recommendations_experimentday",
}


def facts() -> dict[str, list[str]]:
    found = {}
    with connection.cursor() as cursor:
        for name, statement in FACTS.items():
            cursor.execute(statement)
            found[name] = sorted(map(str, cursor.fetchall()))
    return found


def run(*words: str) -> str:
    output = io.StringIO()
    call_command("simulate_experiment", *words, stdout=output)
    return output.getvalue()


@pytest.fixture
def inventory() -> None:
    movie_seeding.top_up(movies=2000, seed=1)


def test_the_report_has_what_was_planted(inventory: None):
    size = Size(days=21, users=500, lift=100, seed=1)
    days_done: list[int] = []
    played = simulate("a", size, ended_at=ENDED_AT, progress=days_done.append)
    assert days_done == list(range(1, 14 + 21 + 1)), "14 days before the start, and 21 after it"
    found = report("a")
    assert (found["state"], found["days"]) == ("stopped", 21)
    assert {arm["name"]: arm["exposed"] for arm in found["arms"]} == played.exposed
    assert found["primary"]["low"] > 0
    assert found["verdict"].startswith("modelled preferences do better: +")
    assert not IngestMinute.objects.exists(), "no queue brought the sessions"
    fixed, modelled = (played.taken[arm] / played.chosen[arm] for arm in ("fixed", "modelled"))
    assert modelled / fixed == pytest.approx(2, abs=0.3)
    assert found["problems"] == []
    # nothing on the page is empty
    assert set(found["left_out"]) == {
        "rates movies",
        "outside the share",
        "same list in both arms",
        "no fixed preferences",
        "list from the bus",
        "list made before the start",
    }
    assert 0 < found["health"]["bus_share"] < 0.2
    assert found["health"]["two_arms"] == 0
    assert len(found["health"]["exposures"]) >= 20
    assert all(arm["numerator"] > 0 for metric in found["metrics"] for arm in metric["arms"])
    assert [len(day["arms"]) for day in found["by_day"]] == [2] * 7
    assert all(0 < arm["on_both"] < arm["recommended_finishes"] for arm in found["shadow"])
    for said in found["sisters"]:
        assert 0 < said["disagree"] < 0.2 * said["known"]
        assert said["group_disagree"] > 0


def test_the_same_seed_over_the_same_movies_gives_the_same_facts(inventory: None):
    simulate("a", SMALL, ended_at=ENDED_AT)
    first = facts()
    assert all(first.values())
    for _ in removal.remove(simulated("a")):
        pass
    simulate("a", SMALL, ended_at=ENDED_AT)
    assert facts() == first


def test_remove_removes_its_own_and_nothing_else(inventory: None):
    finish = WatchEvent(7, 1.0, ENDED_AT - timedelta(days=3), rated=True)
    apply([Batch("sessionData", [Session(5, (finish, WatchEvent(8, 0.5, ENDED_AT)), ENDED_AT)])])
    simulate("other", SMALL, ended_at=ENDED_AT)
    before = facts()
    words = ("--name", "a", "--days", "8", "--users", "100", "--seed", "2")
    assert "`manage.py simulate_experiment --name a --remove` removes it." in run(*words)
    assert facts()["views"] != before["views"]
    removed = run("--name", "a", "--remove")
    assert removed.startswith("a is removed: 100 users and ")
    assert facts() == before
    assert [experiment.name for experiment in Experiment.objects.all()] == ["other"]


def test_the_output_has_what_was_planted_beside_what_the_page_says(inventory: None):
    printed = run("--days", "8", "--users", "100", "--lift", "-30")
    found = report("simulated")
    assert "Planted: a movie is taken from a list of the second arm -30% likelier.\n" in printed
    for arm in found["arms"]:
        assert f"{arm['exposed']} users saw one (the page counts {arm['exposed']} exposed)\n" in printed
    assert f"The page says: {found['verdict']}." in printed
    address = reverse(
        "admin:recommendations_experiment_change", args=[Experiment.objects.get(name="simulated").pk]
    )
    assert address in printed


def test_an_experiment_that_is_there_is_neither_simulated_again_nor_removed_if_it_is_a_real_one(
    inventory: None,
):
    lifecycle.create("real", Plan(seed="a"), actor="somebody")
    with pytest.raises(CommandError, match="There is an experiment real already"):
        run("--name", "real")
    with pytest.raises(CommandError, match="real is no simulated experiment"):
        run("--name", "real", "--remove")
    with pytest.raises(CommandError, match="There is no experiment unknown"):
        run("--name", "unknown", "--remove")
    assert lifecycle.get("real").created_by == "somebody"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--days", "0"], "--days is a number from 1."),
        (["--days", "900"], "--days is less than EXPOSURES_KEPT_DAYS"),
        (["--users", "0"], "--users is a number from 1 to 100,000."),
        (["--lift", "101"], "--lift is a number of percent from -90 to 100."),
        (["--seed", "-1"], "--seed is a number from 0."),
        (["--name", "no name"], "A name has 1 to 60 letters, digits, - and _."),
    ],
)
def test_bad_options_are_refused_with_a_reason(inventory: None, words: list[str], reason: str):
    with pytest.raises(CommandError, match=reason):
        run(*words)
    assert not Experiment.objects.exists()


def test_movies_are_needed_and_added_on_demand():
    with pytest.raises(CommandError, match="There are no movies: run seed_movies first"):
        run("--days", "2", "--users", "5")
    assert "300 movies added" in run("--movies", "300", "--days", "2", "--users", "5")


def test_variables_are_the_options_defaults(inventory: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAYS", "3")
    monkeypatch.setenv("USERS", "40")
    run()
    experiment = lifecycle.get("simulated")
    assert experiment.ended_at
    assert experiment.started_at
    assert experiment.ended_at - experiment.started_at == timedelta(days=3)
    assert experiment.plan["users_per_arm"] == 15
    monkeypatch.setenv("DAYS", "three")
    with pytest.raises(CommandError, match="DAYS is a whole number"):
        run()


def test_what_was_done_before_ctrl_c_can_be_removed(inventory: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = facts()
    calls = itertools.count()

    def stopped(batches: list[Batch]) -> object:
        if next(calls) == 20:  # some days after the start
            raise KeyboardInterrupt
        return apply(batches)

    with monkeypatch.context() as patch:
        patch.setattr(days, "apply", stopped)
        with pytest.raises(CommandError, match=r"Stopped. --remove removes what was done."):
            run("--days", "30", "--users", "30")
    assert facts()["reads"]
    with pytest.raises(CommandError, match="There is an experiment simulated already: --remove"):
        run("--days", "30", "--users", "30")
    assert "simulated is removed: " in run("--remove")
    assert facts() == before
