"""Experiments in the admin: who may do what, drafts and their errors, start and stop, the result, downloads."""

import csv
import hashlib
import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from recommendations.models import Experiment, ExperimentUser
from tests.admin.experiments import LEFT_OUT, experiment_of_weeks
from tests.admin.forms import says

LIST = "/admin/recommendations/experiment/"
DRAFT = {
    "name": "first",
    "share": "50",
    "holdback": "",
    "assignment": "hash",
    "seed": "a seed",
    "window_days": "7",
    "users_per_arm": "2000",
    "smallest_effect": "5",
}
MAX_STATEMENTS = 10  # besides those for session, user and permissions
OF_THE_LOGIN = 4


def page_of(experiment: Experiment) -> str:
    return f"{LIST}{experiment.pk}/change/"


def errors_of(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


# -- roles -----------------------------------------------------------------------------------------


def test_a_viewer_looks_and_changes_nothing(viewer: Client):
    experiment = lifecycle.create("first", Plan("a seed"), actor="x")
    for page in (LIST, page_of(experiment), f"{LIST}{experiment.pk}/download/report.json"):
        assert viewer.get(page).status_code == 200
    for page in (f"{LIST}add/", f"{LIST}{experiment.pk}/decide/start/"):
        assert (viewer.get(page).status_code, viewer.post(page, DRAFT).status_code) == (403, 403)
    assert viewer.post(f"{LIST}{experiment.pk}/delete/", {"post": "yes"}).status_code == 403
    assert list(Experiment.objects.values_list("name", "started_at")) == [("first", None)]
    page = viewer.get(page_of(experiment)).content.decode()
    assert f"{LIST}{experiment.pk}/decide/start/" not in page


def test_staff_without_a_role_see_no_experiment(db: None, client: Client, django_user_model: Any):
    client.force_login(django_user_model.objects.create_user("nobody", is_staff=True))
    experiment = lifecycle.create("first", Plan("a seed"), actor="x")
    for page in (LIST, page_of(experiment), f"{LIST}{experiment.pk}/download/users.csv"):
        assert client.get(page).status_code == 403


# -- drafts ----------------------------------------------------------------------------------------


def test_an_analyst_creates_a_draft_with_the_plan_of_the_form(analyst: Client):
    answer = analyst.post(f"{LIST}add/", DRAFT, follow=True)
    made = Experiment.objects.get()
    plan = Plan("a seed", share=50.0, users_per_arm=2000)
    assert Plan.from_json(made.plan) == plan
    assert (made.plan_hash, made.created_by, made.started_at) == (plan.hash, "staff:ana", None)
    assert answer.redirect_chain == [(page_of(made), 302)]
    assert says(answer) == ["The draft first was created. Nothing changes until it is started."]
    assert plan.hash in answer.content.decode()
    assert list(LogEntry.objects.values_list("object_id", "action_flag")) == [(str(made.pk), 1)]


def test_a_holdback_is_one_more_arm_with_its_share_of_the_users(analyst: Client):
    analyst.post(f"{LIST}add/", {**DRAFT, "holdback": "5"})
    arms = Plan.from_json(Experiment.objects.get().plan).arms
    assert [arm.name for arm in arms] == ["fixed", "modelled", "holdback"]
    assert arms[2].strategy == "popular"
    assert arms[2].weight / sum(arm.weight for arm in arms) == pytest.approx(0.05)


def test_each_form_proposes_another_seed(analyst: Client):
    seeds = {analyst.get(f"{LIST}add/").context["adminform"].form["seed"].value() for _ in range(3)}
    assert len(seeds) == 3


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("name", "a b", "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens."),
        ("name", "taken", "Experiment with this Name already exists."),
        ("share", "0", "The share is more than 0 and at most 100 percent."),
        ("share", "nan", "Enter a number."),
        ("holdback", "100", "A holdback is 0.1 to 99 percent of the users."),
        ("seed", "x" * 101, "A seed has 1 to 100 characters."),
        ("window_days", "91", "The window is 1 to 90 days."),
        ("users_per_arm", "0", "The users per arm are a whole number from 1 to 1,000,000,000."),
        ("smallest_effect", "-1", "The smallest effect is more than 0 and at most 1000 percent."),
    ],
)
def test_an_error_stands_at_its_field(analyst: Client, field: str, value: str, error: str):
    lifecycle.create("taken", Plan("a seed"), actor="x")
    answer = analyst.post(f"{LIST}add/", {**DRAFT, field: value})
    assert errors_of(answer) == {field: [error]}
    assert Experiment.objects.count() == 1


def test_parity_with_a_holdback_is_an_error_of_the_assignment(analyst: Client):
    answer = analyst.post(f"{LIST}add/", {**DRAFT, "assignment": "parity", "holdback": "5"})
    assert errors_of(answer) == {"assignment": ["Parity needs two arms of equal weight."]}


# -- start and stop --------------------------------------------------------------------------------


def test_start_and_stop_ask_first_and_are_logged(analyst: Client):
    experiment = lifecycle.create("first", Plan("a seed"), actor="x")
    start, stop = (f"{LIST}{experiment.pk}/decide/{decision}/" for decision in ("start", "stop"))
    asked = analyst.get(start).content.decode()
    assert experiment.plan_hash in asked
    assert "The plan below is frozen" in asked
    assert lifecycle.running() is None
    assert says(analyst.post(start, follow=True)) == ["first was started."]
    assert lifecycle.get("first").started_by == "staff:ana"
    assert "<b>0</b> exposed users." in analyst.get(stop).content.decode()
    assert says(analyst.post(stop, follow=True)) == ["first was stopped."]
    assert lifecycle.get("first").ended_by == "staff:ana"
    logged = LogEntry.objects.order_by("id").values_list("change_message", flat=True)
    assert list(logged) == ["Started.", "Stopped."]


def test_stop_says_how_many_users_are_exposed(analyst: Client):
    experiment = experiment_of_weeks(users=2)
    page = analyst.get(f"{LIST}{experiment.pk}/decide/stop/").content.decode()
    assert "<b>4</b> exposed users." in page


def test_what_the_state_does_not_allow_changes_and_logs_nothing(analyst: Client):
    running = lifecycle.create("one", Plan("a seed"), actor="x")
    lifecycle.start("one", actor="x")
    draft = lifecycle.create("two", Plan("another seed"), actor="x")
    answer = analyst.post(f"{LIST}{draft.pk}/decide/start/", follow=True)
    assert says(answer) == ["one is running. Stop it first."]
    assert "Stop it first" in analyst.get(f"{LIST}{draft.pk}/decide/start/").content.decode()
    assert says(analyst.get(f"{LIST}{draft.pk}/decide/stop/", follow=True)) == ["two is draft."]
    assert says(analyst.get(f"{LIST}{running.pk}/decide/start/", follow=True)) == ["one is running."]
    assert analyst.get(f"{LIST}{draft.pk}/decide/else/").status_code == 404
    assert LogEntry.objects.count() == 0


# -- the result ------------------------------------------------------------------------------------


def test_the_list_shows_state_progress_and_where_the_verdict_is(viewer: Client):
    experiment_of_weeks("weeks")
    draft = lifecycle.create("next", Plan("a seed"), actor="x")
    with CaptureQueriesContext(connection) as sent:
        rows = viewer.get(LIST).context["rows"]
    assert len(sent) <= OF_THE_LOGIN + 1
    assert [(row["name"], row["state"], row["exposed"], row["planned"]) for row in rows] == [
        ("next", "draft", "0", "10,000"),
        ("weeks", "running", "300", "1,000"),
    ]
    assert [row["days"] for row in rows] == ["", "21.0"]
    assert draft.pk == rows[0]["id"]


def test_the_result_page_takes_few_statements_and_shows_every_number_with_its_counts(viewer: Client):
    experiment = experiment_of_weeks()
    with CaptureQueriesContext(connection) as sent:
        answer = viewer.get(page_of(experiment))
    reads = [query for query in sent if query["sql"].lstrip().startswith(("SELECT", "WITH"))]
    assert len(reads) <= OF_THE_LOGIN + MAX_STATEMENTS
    found, shown, page = answer.context["report"], answer.context["shown"], answer.content.decode()
    assert found["verdict"].startswith("modelled preferences do better: +")
    assert found["verdict"][1:] in page
    assert [(arm["name"], arm["exposed"]) for arm in shown["arms"]] == [("fixed", "150"), ("modelled", "150")]
    primary = shown["metrics"][0]
    for arm, counted in zip(primary["arms"], found["metrics"][0]["arms"], strict=True):
        assert arm["numerator"] == f"{counted['numerator']:,}"
        assert arm["denominator"] == f"{counted['denominator']:,}"
        assert f"{arm['numerator']} / {arm['denominator']} users" in page
    assert primary["lifts"][0]["raw"]["stands"] == "above"
    assert primary["lifts"][0]["adjusted"] is not None
    assert {row["reason"]: int(row["users"]) for row in shown["left_out"]} == LEFT_OUT
    assert [check["ok"] for check in shown["checks"]] == [True, True, None, True]
    assert experiment.plan_hash in page


def test_a_failed_check_withholds_the_verdict_in_red_with_its_reason(viewer: Client):
    experiment = experiment_of_weeks(users=400)
    ExperimentUser.objects.filter(experiment=experiment, arm="modelled", user_id__gt=300).delete()
    answer = viewer.get(page_of(experiment))
    assert answer.context["shown"]["checks"][0]["ok"] is False
    page = answer.content.decode()
    assert "tf-banner tf-withheld" in page
    assert "Withheld: the split check fails (p" in page
    assert "Do not trust the results below" in page


def test_a_draft_shows_its_plan_and_no_results(viewer: Client):
    experiment = lifecycle.create("next", Plan("a seed"), actor="x")
    page = viewer.get(page_of(experiment)).content.decode()
    assert "Not started" in page
    assert "mixture on fixed preferences, 50% of the users in it" in page
    assert "data-chart" not in page


def test_an_experiment_without_users_is_shown(viewer: Client):
    lifecycle.create("new", Plan("a seed"), actor="x")
    page = viewer.get(page_of(lifecycle.start("new", actor="x"))).content.decode()
    assert "Not enough data yet (0 of 100 users an arm)" in page
    assert "below 100 users an arm" in page


@pytest.mark.parametrize("odd", ["0", "99999", "²", "+1", "x", "9" * 30])
def test_an_experiment_that_does_not_exist_is_not_found(viewer: Client, odd: str):
    assert viewer.get(f"{LIST}{odd}/change/").status_code == 404


# -- downloads -------------------------------------------------------------------------------------


def body(client: Client, experiment: Experiment, file: str) -> bytes:
    answer: Any = client.get(f"{LIST}{experiment.pk}/download/{file}")
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == f'attachment; filename="{experiment.name}-{file}"'
    return b"".join(answer.streaming_content)


def test_everything_behind_the_page_is_downloaded_down_to_users_and_days(viewer: Client):
    experiment = experiment_of_weeks()
    found = json.loads(body(viewer, experiment, "report.json"))
    plan = json.dumps(found["plan"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(plan.encode()).hexdigest() == found["plan_hash"]

    users = list(csv.DictReader(body(viewer, experiment, "users.csv").decode().splitlines()))
    days = list(csv.DictReader(body(viewer, experiment, "days.csv").decode().splitlines()))
    lines = [json.loads(line) for line in body(viewer, experiment, "users.jsonl").splitlines()]
    assert len(users) == len(lines) == 300 + sum(LEFT_OUT.values())
    assert sum(len(line["days"]) for line in lines) == len(days)
    for place, arm in enumerate(found["arms"]):
        of_arm = [user for user in users if user["arm"] == arm["name"]]
        assert len(of_arm) == arm["exposed"]
        counted = sum(int(day["recommended"]) for day in days if day["arm"] == arm["name"])
        assert counted == found["shadow"][place]["recommended_finishes"]


def test_a_text_that_a_spreadsheet_would_compute_is_made_harmless(viewer: Client):
    experiment = experiment_of_weeks()
    ExperimentUser.objects.filter(user_id=301).update(left_out='=HYPERLINK("http://evil.example")')
    lines = body(viewer, experiment, "users.csv").decode()
    assert "'=HYPERLINK" in lines
    assert ",=HYPERLINK" not in lines
    assert ',"=HYPERLINK' not in lines


def test_other_files_are_not_found(viewer: Client):
    experiment = lifecycle.create("next", Plan("a seed"), actor="x")
    assert viewer.get(f"{LIST}{experiment.pk}/download/else.csv").status_code == 404
