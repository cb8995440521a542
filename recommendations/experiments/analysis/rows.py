"""The counted rows of an experiment, down to users and days, in JSON's types."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from recommendations.models import Experiment, ExperimentDay, ExperimentUser

USERS_AT_A_TIME = 1_000


def _columns(model: type[ExperimentUser] | type[ExperimentDay]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields if field.attname != "experiment_id")


USER_COLUMNS = _columns(ExperimentUser)
DAY_COLUMNS = _columns(ExperimentDay)


def users_of(experiment: Experiment) -> Iterator[dict[str, Any]]:
    """Each counted user by ascending id, with its `days`. Holds a few users in memory at a time."""
    rows = ExperimentUser.objects.filter(experiment=experiment).order_by("user_id").values(*USER_COLUMNS)
    after = 0
    while batch := list(rows.filter(user_id__gt=after)[:USERS_AT_A_TIME]):
        days = _days(experiment, batch[0]["user_id"], batch[-1]["user_id"])
        for user in batch:
            times = {key: iso(user[key]) for key in ("exposed_at", "first_read_at")}
            yield {**user, **times, "days": days[user["user_id"]]}
        after = batch[-1]["user_id"]


def iso(at: datetime | None) -> str | None:
    """The time as text."""
    return at.isoformat() if at else None


def _days(experiment: Experiment, first: int, last: int) -> dict[int, list[dict[str, Any]]]:
    found = ExperimentDay.objects.filter(experiment=experiment, user_id__range=(first, last))
    days: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for day in found.order_by("user_id", "day").values(*DAY_COLUMNS):
        days[day.pop("user_id")].append(day)
    return days
