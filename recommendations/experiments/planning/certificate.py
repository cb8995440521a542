"""The A/A certificate: how often the analysis would have raised a false alarm on this service's own users.

The real users of the last weeks are dealt into arms again under fresh seeds. The arms differ in nothing, so each
difference that is found is a false alarm. A lift is planted as well, to see how often every interval holds it.
"""

import secrets
from collections.abc import Callable
from typing import Any

import numpy as np

from movies.foundation.database_clock import database_time
from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from recommendations.experiments.planning.history import WEEKS, History, TooFewData, history
from recommendations.experiments.statistics.alarms import false_alarms
from recommendations.experiments.statistics.lifts import MIN_USERS
from recommendations.models import Experiment

SEEDS = 1_000
SEEDS_AT_A_TIME = 20  # between two reports of progress


def certify(
    name: str,
    *,
    weeks: int = WEEKS,
    seeds: int = SEEDS,
    progress: Callable[[int], object] = lambda runs: None,
) -> dict[str, Any]:
    """Makes the experiment's certificate, stores and returns it; `progress` is called with the number of runs done.

    Raises NoSuchExperiment, and TooFewData, whose sentence is stored for the page if there was no certificate yet.
    """
    experiment = lifecycle.get(name)
    plan = Plan.from_json(experiment.plan)
    try:
        users = history(weeks=weeks, window_days=plan.window_days)
        certificate = certificate_of(users, plan, [secrets.token_hex(8) for _ in range(seeds)], progress)
    except TooFewData as error:
        if experiment.certificate is None or "refused" in experiment.certificate:
            _store(experiment, {"refused": str(error)})
        raise
    return _store(experiment, certificate)


def _store(experiment: Experiment, certificate: dict[str, Any]) -> dict[str, Any]:
    dated = certificate | {"made_at": database_time().isoformat()}
    Experiment.objects.filter(pk=experiment.pk).update(certificate=dated)
    return dated


def certificate_of(
    users: History, plan: Plan, seeds: list[str], progress: Callable[[int], object] = lambda runs: None
) -> dict[str, Any]:
    """The certificate of these users under these seeds. Raises TooFewData if the smaller arm has no interval ever."""
    smaller = min(arm.weight for arm in plan.arms[:2]) / sum(arm.weight for arm in plan.arms)
    expected = int(users.users * plan.share / 100 * smaller)
    if expected < MIN_USERS:
        raise TooFewData(
            f"Of {users.users:,} users about {expected} would be in the smaller arm; {MIN_USERS} are needed."
            " Use more --weeks, or a larger share."
        )
    looks = np.arange(1, users.weeks * 7 + 1)
    alarms = missed = 0
    for first in range(0, len(seeds), SEEDS_AT_A_TIME):
        some = seeds[first : first + SEEDS_AT_A_TIME]
        alarms += false_alarms(*users.people, plan, looks, some).alarms
        planted = plan.smallest_effect / 100
        missed += false_alarms(*users.people, plan, looks, some, planted=planted).alarms
        progress(first + len(some))
    return {
        "runs": len(seeds),
        "false_alarms": alarms,
        "share": alarms / len(seeds),
        "looks": len(looks),
        "users": users.users,
        "weeks": users.weeks,
        "covered": 1 - missed / len(seeds),
    }
