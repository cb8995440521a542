"""`GET /tetraflix/experiments/<name>`: the report for analysts."""

import io
import json

import pytest
from django.core.management import call_command

from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from tests.api.calling import Caller

pytestmark = pytest.mark.django_db
ADDRESS = "/tetraflix/experiments/taste"


def test_the_report_is_that_of_the_command(service: Caller):
    lifecycle.create("taste", Plan("s"), actor="x")
    answer = service("GET", ADDRESS)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    out = io.StringIO()
    call_command("experiment", "report", "taste", "--json", stdout=out)
    assert answer.json() == json.loads(out.getvalue())
    assert (answer.json()["state"], answer.json()["verdict"]) == ("draft", "not started")


@pytest.mark.parametrize("name", ["taste", "%00", "ä", "a b"])
def test_an_unknown_experiment_is_404(service: Caller, name: str):
    answer = service("GET", f"/tetraflix/experiments/{name}")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("There is no experiment ")


def test_it_needs_a_key_of_a_service(anybody: Caller, distributor: Caller):
    assert anybody("GET", ADDRESS).status_code == 401
    assert distributor("GET", ADDRESS).status_code == 403


def test_nothing_is_written(service: Caller):
    assert service("PUT", ADDRESS, {}).status_code == 405
