"""What was counted of an experiment, in the words of the model, and an experiment to count."""

from collections.abc import Sequence

from recommendations.experiments import lifecycle
from recommendations.experiments.assignment import arms_of
from recommendations.experiments.plan import Plan
from recommendations.models import Experiment, ExperimentDay, ExperimentUser
from tests.recommendations.experiments.facts import DAY, START, Fact
from tests.recommendations.experiments.model import FIGURES, Trial, User, users_of

END = START + 8 * DAY


def past(plan: Plan, name: str = "past") -> Experiment:
    """An experiment that ran from START to END."""
    return lifecycle.create_past(name, plan, started_at=START, ended_at=END, actor="x")


def running(plan: Plan) -> Experiment:
    """An experiment that runs since START."""
    return Experiment.objects.create(
        name="runs", plan=plan.to_json(), plan_hash=plan.hash, created_by="x", started_at=START
    )


def stored(experiment: Experiment) -> dict[int, User]:
    """The counted rows, as the model has them."""
    columns = [name for name in User.__dataclass_fields__ if name != "days"]
    users = ExperimentUser.objects.filter(experiment=experiment).values_list("user_id", *columns)
    days = ExperimentDay.objects.filter(experiment=experiment).values_list("user_id", "day", *FIGURES)
    found = {user: User(*numbers) for user, *numbers in users}
    for user, day, *numbers in days:
        found[user].days[day] = dict(zip(FIGURES, numbers, strict=True))
    return found


def modelled(experiment: Experiment, facts: Sequence[Fact]) -> dict[int, User]:
    """What the model counts."""
    plan = Plan.from_json(experiment.plan)
    assert experiment.started_at
    users = sorted({fact.user for fact in facts})
    outside = {user for user, arm in zip(users, arms_of(plan, users), strict=True) if arm < 0}
    trial = Trial(experiment.started_at, experiment.ended_at, plan.window_days, plan.names, outside)
    return users_of(trial, facts)
