"""The planner's page and the A/A certificate of an experiment, which others than the web process compute."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from django.test import Client
from kombu.exceptions import OperationalError

from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from recommendations.experiments.planning import planner
from recommendations.experiments.planning.history import History, People
from recommendations.models import Experiment
from recommendations.tasks import certify
from tests.admin.experiments import experiment_of_weeks
from tests.admin.forms import says
from tetraflix.backoffice import planner_page
from tetraflix.health import background_cache

PAGE = "/admin/planner/"
LIST = "/admin/recommendations/experiment/"


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    planner_page.forget()
    monkeypatch.setattr(background_cache, "FIRST_WAIT_SECONDS", 60)
    yield
    planner_page.forget()


def users_of_weeks() -> History:
    random = np.random.default_rng(1)
    finishes = random.poisson(2, 5_000).astype(float)
    days = np.sort(random.uniform(0, 21, 5_000))
    return History(4, 7, 1.0, People(np.arange(5_000), days, finishes, finishes + random.poisson(2, 5_000)))


def test_the_planner_says_how_many_users_and_days_each_lift_takes(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(planner, "recent_users", lambda **_: users_of_weeks())
    answer = viewer.get(PAGE)
    page = answer.content.decode()
    rows = answer.context["plan"]["rows"]
    assert [row["lift"] for row in rows] == list(planner_page.LIFTS)
    for row in rows:
        needed = planner.needs(users_of_weeks(), lift=row["lift"] / 100)
        assert row["raw"] == needed["raw"]
        assert row["adjusted"]["days"] == needed["adjusted"]["days"]
        assert row["adjusted"]["users_per_arm"] == max(100, needed["adjusted"]["users_per_arm"])
        assert f'<td data-label="Users an arm">{needed["raw"]["users_per_arm"]:,}</td>' in page
    assert "From what 5,000 users did in the last 4 weeks" in page
    assert "Plan this" not in page


def test_a_row_of_the_planner_fills_the_form_of_a_draft(analyst: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(planner, "recent_users", lambda **_: users_of_weeks())
    users = planner.needs(users_of_weeks(), lift=0.1)["raw"]["users_per_arm"]
    query = f"?users_per_arm={users}&smallest_effect=10"
    assert f'{LIST}add/{query.replace("&", "&amp;")}"' in analyst.get(PAGE).content.decode()
    form = analyst.get(f"{LIST}add/{query}").context["adminform"].form
    assert (form["users_per_arm"].value(), form["smallest_effect"].value()) == (str(users), "10")


@pytest.mark.django_db(transaction=True)  # another connection plans
def test_the_planner_says_what_is_missing(viewer: Client):
    page = viewer.get(PAGE).content.decode()
    assert "0 users without ratings and with fixed preferences read an own list" in page


def test_the_page_does_not_wait_for_the_weeks_to_be_read(viewer: Client, monkeypatch: pytest.MonkeyPatch):
    read = threading.Event()

    def slow(**_: Any) -> History:
        assert read.wait(60)
        return users_of_weeks()

    monkeypatch.setattr(planner, "recent_users", slow)
    monkeypatch.setattr(background_cache, "FIRST_WAIT_SECONDS", 0)
    assert 'http-equiv="refresh"' in viewer.get(PAGE).content.decode()
    read.set()
    monkeypatch.setattr(background_cache, "FIRST_WAIT_SECONDS", 60)
    assert 'http-equiv="refresh"' not in viewer.get(PAGE).content.decode()


def test_the_planner_needs_a_role(db: None, client: Client, django_user_model: Any):
    client.force_login(django_user_model.objects.create_user("nobody", is_staff=True))
    assert client.get(PAGE).status_code == 403


# -- the certificate -------------------------------------------------------------------------------


def test_an_analyst_has_a_worker_compute_the_certificate(
    analyst: Client, viewer: Client, monkeypatch: pytest.MonkeyPatch
):
    sent: list[Any] = []
    monkeypatch.setattr(certify, "apply_async", lambda arguments, **_: sent.append(arguments))
    experiment = experiment_of_weeks()
    address = f"{LIST}{experiment.pk}/certify/"
    assert (viewer.post(address).status_code, analyst.get(address).status_code) == (403, 403)
    assert sent == []
    answer = analyst.post(address, follow=True)
    assert says(answer)[0].startswith("A worker computes the certificate")
    assert sent == [("weeks",)]
    assert "Not computed yet" in answer.content.decode()


def test_a_task_queue_that_is_unavailable_is_said(analyst: Client, monkeypatch: pytest.MonkeyPatch):
    def unavailable(*_: Any, **__: Any) -> None:
        raise OperationalError("unavailable")

    monkeypatch.setattr(certify, "apply_async", unavailable)
    experiment = lifecycle.create("first", Plan("a seed"), actor="x")
    answer = analyst.post(f"{LIST}{experiment.pk}/certify/", follow=True)
    assert says(answer) == ["The task queue is unavailable. Try again in a moment."]


@pytest.mark.parametrize(("alarms", "state"), [(14, "✓ passed"), (51, "! failed")])
def test_the_certificate_is_shown_with_its_share_of_false_alarms(viewer: Client, alarms: int, state: str):
    experiment = lifecycle.create("first", Plan("a seed"), actor="x")
    certificate = {
        "runs": 1000,
        "false_alarms": alarms,
        "share": alarms / 1000,
        "looks": 28,
        "users": 8399,
        "weeks": 4,
        "covered": 0.981,
        "made_at": datetime(2026, 11, 21, 12, tzinfo=UTC).isoformat(),
    }
    Experiment.objects.filter(pk=experiment.pk).update(certificate=certificate)
    page = viewer.get(f"{LIST}{experiment.pk}/change/").content.decode()
    assert state in page
    assert f"{alarms} runs raised a false alarm ({alarms / 10}%)" in page
    assert "The 8,399 real users of the last 4 weeks" in page
    assert "at every look in 98% of the runs" in page


def test_the_page_says_why_there_is_no_certificate(viewer: Client):
    experiment = lifecycle.create("first", Plan("a seed"), actor="x")
    refused = {"refused": "Too few users.", "made_at": datetime(2026, 11, 21, 12, tzinfo=UTC).isoformat()}
    Experiment.objects.filter(pk=experiment.pk).update(certificate=refused)
    page = viewer.get(f"{LIST}{experiment.pk}/change/").content.decode()
    assert "not possible yet</span> Too few users." in page
    assert "2026-11-21 12:00 UTC</time>." in page
