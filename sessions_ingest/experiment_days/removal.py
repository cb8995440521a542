"""Removes a simulated experiment, and all facts about its users. Everything else stays as it is."""

from collections.abc import Iterator
from typing import NamedTuple

from django.db import connection, transaction

from movies.foundation import advisory_locks
from movies.viewing.view_removal import remove_views
from recommendations import stores
from recommendations.models import (
    ChangedUser,
    Experiment,
    ExperimentDay,
    ExperimentUser,
    FirstFinishes,
    ListRead,
    Preferences,
    Rater,
    Start,
)
from recommendations.recommender.changed_users import LANES
from sessions_ingest.experiment_days.population import IDS_OF_A_NAME, first_id

BATCH = 1_000  # users of a transaction
# Marks first, as everybody locks them.
FACTS = (ChangedUser, Start, Rater, ListRead, FirstFinishes, Preferences, ExperimentUser, ExperimentDay)


class Removed(NamedTuple):
    """What was removed."""

    users: int
    views: int

    def plus(self, other: "Removed") -> "Removed":
        """Both together."""
        return Removed(self.users + other.users, self.views + other.views)


def remove(experiment: Experiment) -> Iterator[Removed]:
    """Removes the experiment last, so that a removal that was stopped can be repeated. Yields what is gone so far.

    Raises StoreUnavailable.
    """
    total = Removed(0, 0)
    while users := known_users(experiment.name, BATCH):
        with transaction.atomic():
            total = total.plus(Removed(len(users), _remove(users)))
        yield total
    experiment.delete()


def known_users(name: str, limit: int) -> list[int]:
    """Up to `limit` users with ids of the experiment's of whom anything is on record."""
    first = first_id(name)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT user_id FROM recommendations_preferences WHERE user_id >= %(first)s AND user_id < %(end)s
            UNION SELECT user_id FROM recommendations_changeduser
            WHERE user_id >= %(first)s AND user_id < %(end)s LIMIT %(limit)s
            """,
            {"first": first, "end": first + IDS_OF_A_NAME, "limit": limit},
        )
        return [user_id for (user_id,) in cursor.fetchall()]


def _remove(users: list[int]) -> int:
    """Removes the facts about these users; returns how many views."""
    for lane in range(LANES):  # so that no worker makes lists of them meanwhile
        advisory_locks.acquire(advisory_locks.RECOMMENDER + lane)
    advisory_locks.acquire_each(advisory_locks.USERS, users)
    for facts in FACTS:
        facts.objects.filter(user_id__in=users).delete()
    stores.current().delete(users)
    return remove_views(users)
