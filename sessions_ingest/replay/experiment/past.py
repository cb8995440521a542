"""An experiment of the past on the views that the service holds: created, its reads logged, counted and reported."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from movies.foundation import actors
from recommendations.experiments import lifecycle, report, tally
from recommendations.experiments.plan import Plan
from recommendations.models import Experiment, ListRead
from sessions_ingest.replay.experiment.log import EPOCH, ListLog
from sessions_ingest.replay.history import History

SECOND = timedelta(seconds=1)


class NotPossible(Exception):
    """The experiment cannot be made; the message says why. Nothing was changed."""


def create(name: str, history: History) -> tuple[Experiment, ListLog]:
    """An experiment from the first view until all users have matured, and the log of its lists.

    Raises NotPossible, plan.BadPlan and lifecycle.NotNow.
    """
    if not len(history):
        raise NotPossible("There is no view to make an experiment of.")
    users = len(np.unique(history.user_ids))
    plan = Plan(
        seed=name, users_per_arm=max(1, users // 2)
    )  # all of them are there, so intervals are narrowest
    first, last = (EPOCH + timedelta(microseconds=int(history.times[place])) for place in (0, -1))
    started_at, ended_at = first - SECOND, last + timedelta(days=plan.window_days) + SECOND
    if ended_at > datetime.now(UTC):
        raise NotPossible(
            f"Users have matured {plan.window_days} days after the last view, which is in the future."
        )
    if ListRead.objects.filter(read_at__gte=started_at, read_at__lt=ended_at).exists():
        raise NotPossible(
            "Lists were read in the time of these views: those of another experiment, because a replay has none."
            " A user reads one list at a time, so another one needs a replay into a new folder (TETRAFLIX_VAR)."
        )
    experiment = lifecycle.create_past(
        name, plan, started_at=started_at, ended_at=ended_at, actor=actors.command_actor()
    )
    return experiment, ListLog(experiment.pk, plan, history)


def counted(experiment: Experiment, log: ListLog) -> dict[str, Any]:
    """The report, once all lists were given to the log."""
    log.flush()
    tally.recount(experiment)
    return report.report(experiment.name)
