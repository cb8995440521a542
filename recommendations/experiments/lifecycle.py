"""Creates, starts and stops experiments. One runs at a time; the database refuses to change one that was started."""

import re
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from movies.foundation.events import experiment_changed
from recommendations.experiments.plan import BadPlan, Plan
from recommendations.models import Experiment

NAME_LENGTH = 60
NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{NAME_LENGTH}}}", re.ASCII)


class NoSuchExperiment(Exception):
    """There is no experiment of the name. The message is a sentence."""


class NotNow(Exception):
    """The experiment's state does not allow it. The message is a sentence."""


class Running(NamedTuple):
    """The experiment that runs."""

    id: int
    name: str
    plan: Plan
    started_at: datetime


def create(name: str, plan: Plan, *, actor: str) -> Experiment:
    """A new experiment, not started yet. Raises BadPlan for a bad name, NotNow if the name is taken."""
    if not NAME.fullmatch(name):
        raise BadPlan("name", f"A name has 1 to {NAME_LENGTH} letters, digits, - and _.")
    experiment, created = Experiment.objects.get_or_create(
        name=name, defaults={"plan": plan.to_json(), "plan_hash": plan.hash, "created_by": actor}
    )
    if not created:
        raise NotNow(f"There is an experiment {name} already. Choose another name.")
    return experiment


def start(name: str, *, actor: str) -> Experiment:
    """Starts it: lists are made for it from now on, and its plan is frozen. Raises NoSuchExperiment and NotNow."""
    experiment = get(name)
    if experiment.started_at:
        raise NotNow(f"{name} was started before. Create a new experiment.")
    if settings.RECOMMENDER == "off":
        raise NotNow("RECOMMENDER is off, so no lists would be made for the arms. Set it to mixture first.")
    if not settings.EXPOSURES_KEPT_DAYS:
        raise NotNow("EXPOSURES_KEPT_DAYS is 0, so no list that is read would be logged. Set it to 90 first.")
    try:
        with transaction.atomic():
            changed = Experiment.objects.filter(id=experiment.id, started_at=None).update(
                started_at=Now(), started_by=actor
            )
    except IntegrityError:
        other = running()
        raise NotNow(f"{other.name if other else 'Another experiment'} is running. Stop it first.") from None
    if not changed:
        raise NotNow(f"{name} was started before. Create a new experiment.")
    transaction.on_commit(_changed)
    return get(name)


def stop(name: str, *, actor: str) -> Experiment:
    """Ends it: everybody gets the usual lists again. Raises NoSuchExperiment and NotNow."""
    experiment = get(name)
    ended = Experiment.objects.filter(id=experiment.id, started_at__isnull=False, ended_at=None).update(
        ended_at=Now(), ended_by=actor
    )
    if not ended:
        raise NotNow(f"{name} is not running.")
    transaction.on_commit(_changed)
    return get(name)


def create_past(name: str, plan: Plan, *, started_at: datetime, ended_at: datetime, actor: str) -> Experiment:
    """A stopped experiment of the past, for facts that are simulated or replayed. Raises what `create` raises."""
    with transaction.atomic():
        experiment = create(name, plan, actor=actor)
        experiment.started_at, experiment.started_by = started_at, actor
        experiment.ended_at, experiment.ended_by = ended_at, actor
        experiment.save(update_fields=["started_at", "started_by", "ended_at", "ended_by"])
    return experiment


def get(name: str) -> Experiment:
    """The experiment of the name. Raises NoSuchExperiment."""
    found = Experiment.objects.filter(name=name).first() if NAME.fullmatch(name) else None
    if found is None:
        raise NoSuchExperiment(f"There is no experiment {name}.")
    return found


def state_of(experiment: Experiment) -> str:
    """draft, running or stopped."""
    if experiment.started_at is None:
        return "draft"
    return "running" if experiment.ended_at is None else "stopped"


def running() -> Running | None:
    """The experiment that runs; one statement."""
    found = Experiment.objects.filter(started_at__isnull=False, ended_at=None).first()
    if found is None or found.started_at is None:
        return None
    return Running(found.id, found.name, Plan.from_json(found.plan), found.started_at)


def last_change() -> datetime | None:
    """When an experiment was last started or stopped: lists made before that are to be made again."""
    times = Experiment.objects.filter(started_at__isnull=False).values_list("started_at", "ended_at")
    return max((at for pair in times for at in pair if at), default=None)


def _changed() -> None:
    experiment_changed.send(sender=None)
