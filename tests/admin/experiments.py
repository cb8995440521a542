"""An experiment with weeks of counted users and days, as the tally writes them."""

from datetime import datetime, timedelta

import numpy as np
from django.utils import timezone

from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from recommendations.models import Experiment, ExperimentDay, ExperimentUser

PLAN = Plan("a seed", users_per_arm=500)
LEFT_OUT = {"rates movies": 40, "no fixed preferences": 25, "list from the bus": 3}
FINISHES_A_DAY = 0.6
RECOMMENDED = (0.30, 0.45)  # of finishes, by arm


def experiment_of_weeks(
    name: str = "weeks", *, users: int = 150, days: int = 21, plan: Plan = PLAN
) -> Experiment:
    """A running experiment with this many users an arm, exposed evenly over its days; the second arm does better."""
    experiment = lifecycle.create(name, plan, actor="staff:ana")
    started_at = timezone.now() - timedelta(days=days)
    Experiment.objects.filter(pk=experiment.pk).update(started_at=started_at, started_by="staff:ana")
    random = np.random.default_rng(1)
    people, rows = [], []
    for number in range(users * len(plan.arms)):
        arm, user_id = number % len(plan.arms), number + 1
        ago = days * (1 - number / (users * len(plan.arms)))
        exposed_at = timezone.now() - timedelta(days=ago)
        people.append(_user(experiment, user_id, arm=plan.names[arm], exposed_at=exposed_at))
        for day in range(min(plan.window_days, int(ago) + 1)):
            finishes = int(random.poisson(FINISHES_A_DAY))
            recommended = int(random.binomial(finishes, RECOMMENDED[arm % 2]))
            rows.append(_day(experiment, user_id, day, finishes, recommended))
    first = len(people) + 1
    reasons = [reason for reason, number in LEFT_OUT.items() for _ in range(number)]
    people += [_user(experiment, first + place, left_out=reason) for place, reason in enumerate(reasons)]
    ExperimentUser.objects.bulk_create(people, batch_size=5_000)
    ExperimentDay.objects.bulk_create(rows, batch_size=5_000)
    return lifecycle.get(name)


def _user(
    experiment: Experiment, user_id: int, *, exposed_at: datetime | None = None, **more: str
) -> ExperimentUser:
    return ExperimentUser(
        experiment=experiment,
        user_id=user_id,
        arms=1 if "arm" in more else 0,
        before=user_id % 7,
        exposed_at=exposed_at,
        first_read_at=exposed_at or timezone.now(),
        lists=4,
        bus_lists=user_id % 5 == 0,
        **more,
    )


def _day(experiment: Experiment, user_id: int, day: int, finishes: int, recommended: int) -> ExperimentDay:
    return ExperimentDay(
        experiment=experiment,
        user_id=user_id,
        day=day,
        finishes=finishes,
        recommended=recommended,
        shadow=recommended // 2,
        new_movies=finishes,
        starts=finishes + 1,
        recommended_starts=recommended,
        abandoned=1,
        lists=1,
        age_seconds=5_000.0 + 10 * user_id,
        rec_known=finishes,
        rec_disagree=finishes // 2,
        group_disagree=0,
    )
