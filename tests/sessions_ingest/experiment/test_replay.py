"""An experiment on a replay through SQS equals the model number for number; its lists come from the files alone."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from recommendations.experiments.analysis import figures as service_figures
from recommendations.models import Experiment, ListRead
from tests.servers.queues import Queues
from tests.sessions_ingest.experiment import figures as model_figures
from tests.sessions_ingest.experiment.figures import by_key, differences, figures
from tests.sessions_ingest.experiment.model import Event, Facts, Read, Trial, counted
from tests.sessions_ingest.experiment.numbers import arm_of
from tests.sessions_ingest.replay import small_set
from tests.sessions_ingest.replay.in_memory import FIRST, Evaluator, read, weight_on

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "small"
MADE_BY = {"fixed": "mixture_fixed", "modelled": "mixture"}
FEW = 5  # users an arm from which intervals are shown, because the set is small


class Reader(Evaluator):
    """Walks through the finishes; each user reads the list of the arm before each second with a finish."""

    def facts(self, experiment: Experiment) -> Facts:
        found = Facts()
        last: dict[int, int] = {}
        for at, movie, user in self.finishes:
            time = datetime.fromtimestamp(at, UTC)
            if len(self.past[user]) >= FIRST and last.get(user) != at:
                last[user] = at
                arm = arm_of(experiment.plan, user)
                assert arm
                lists = {name: tuple(self.lists(user)[made_by]) for name, made_by in MADE_BY.items()}
                (other,) = (lists[name] for name in lists if name != arm)
                read_at = time - timedelta(milliseconds=1)
                found.read(Read(user, read_at, read_at, MADE_BY[arm], lists[arm], experiment.pk, arm, other))
            found.happened(Event(user, movie, 1.0, time))
            self.past[user].append(movie)
            self.recent[movie] += weight_on(at // 86400)
        return found


def replayed(**options: Any) -> list[str]:
    output = StringIO()
    call_command("replay", evaluate=True, experiment=NAME, stdout=output, **options)
    return output.getvalue().splitlines()


def test_an_experiment_on_a_replay_has_the_numbers_of_the_model(
    consuming: Queues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_figures, "MIN_USERS", FEW)
    monkeypatch.setattr(model_figures, "LEAST_USERS", FEW)
    files = small_set.write(tmp_path)
    lines = replayed(ratings=files[0], movies=files[1], json=True)
    report = json.loads(lines[-1])["experiment"]

    experiment = Experiment.objects.get(name=NAME)
    plan = experiment.plan
    facts = Reader(*read(*files)).facts(experiment)
    logged = {(row.user_id, row.made_at): row for row in ListRead.objects.all()}
    expected = {(one.user, one.made_at): one for mine in facts.reads.values() for one in mine.values()}
    assert logged.keys() == expected.keys()
    for key, one in expected.items():
        row = logged[key]
        assert (tuple(row.movies), row.other, row.arm, row.made_by, row.read_at) == (
            one.movies, list(one.other or ()), one.arm, one.made_by, one.read_at,
        )  # fmt: skip

    assert experiment.started_at
    trial = Trial(
        experiment.pk,
        experiment.started_at,
        experiment.ended_at,
        plan["window_days"],
        frozenset(facts.reads),
        {},
    )
    people = counted(facts, trial)
    assert experiment.ended_at
    assert list(differences(by_key(report), figures(people, plan, trial, experiment.ended_at))) == []
    assert len(people) > 25
    assert {person.arm for person in people.values()} == {"fixed", "modelled"}
    assert sum(day["recommended"] for person in people.values() for day in person.days.values()) > 20
    assert max(day for person in people.values() for day in person.days) >= 3
    assert sum(person.before for person in people.values()) > 20
    assert report["primary"]["low"] < report["primary"]["lift"] < report["primary"]["high"]
    assert any(report["verdict"] in line for line in lines)

    with pytest.raises(CommandError, match="Lists were read in the time of these views"):
        replayed()
    assert Experiment.objects.count() == 1
