"""The experiment of a demo: created and started once, with the default plan."""

from recommendations.experiments import lifecycle
from recommendations.experiments.lifecycle import NoSuchExperiment, NotNow
from recommendations.experiments.plan import Plan

ACTOR = "seed_users"


def ensure(name: str) -> str:
    """Creates and starts the experiment of this name, unless there is one already. Returns a sentence about it.

    An experiment that was stopped stays so, and another one that runs goes on.
    """
    try:
        experiment = lifecycle.get(name)
    except NoSuchExperiment:
        experiment = lifecycle.create(name, Plan(seed=name), actor=ACTOR)
    state = lifecycle.state_of(experiment)
    if state != "draft":
        return f"Experiment {name} is {state}."
    try:
        lifecycle.start(name, actor=ACTOR)
    except NotNow as error:
        return f"Experiment {name} is not started: {error}"
    return f"Experiment {name} is started: modelled against fixed preferences."
