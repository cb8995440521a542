"""The Celery tasks of this app. Each is thin, and safe to run twice."""

import logging

from celery import shared_task
from django.conf import settings

from movies.foundation import retries
from recommendations.experiments import read_log, tally
from recommendations.experiments.lifecycle import NoSuchExperiment
from recommendations.experiments.planning import certificate
from recommendations.experiments.planning.history import WEEKS, TooFewData
from recommendations.recommender import changed_users, refresh
from recommendations.stores.base import StoreUnavailable

logger = logging.getLogger(__name__)

SECONDS = 5.0  # a worker has two threads, and other tasks need their turn


@shared_task
def recommend() -> int:
    """Makes the own lists of changed users; returns how many it made. Runs after finishes, and by schedule."""
    if settings.RECOMMENDER == "off":
        return 0
    with retries.retried("own recommendations", StoreUnavailable, first=2, longest=30) as due:
        if due:
            done = refresh.refresh_changed(seconds=SECONDS)
            if (
                changed_users.waiting().users
            ):  # those with a list of just now, and what time did not suffice for
                changed_users.wake()
            return done.lists
    return 0


@shared_task
def make_partitions() -> list[str]:
    """Creates and drops monthly partitions of the log of lists read; returns their names."""
    return read_log.PARTITIONS.maintain_when_due()


@shared_task
def recommend_again() -> int:
    """Marks the users whose lists are old, so that `recommend` makes them again; returns how many.

    Runs by schedule, and when an experiment was started or stopped.
    """
    if settings.RECOMMENDER == "off":
        return 0
    marked = refresh.mark_old_lists()
    if marked:
        changed_users.wake()
    return marked


@shared_task
def count_experiments() -> int:
    """Counts what marked users did in experiments; returns how many users. Runs by schedule, every few seconds."""
    return tally.tally(seconds=SECONDS)


@shared_task
def count_stopped_again() -> int:
    """Marks the users of an experiment that was just stopped: what came after its end is not to count.

    Runs when an experiment was started or stopped; returns how many users it marked.
    """
    return sum(tally.mark_again(experiment) for experiment in tally.just_stopped())


@shared_task
def certify(name: str, *, weeks: int = WEEKS, seeds: int = certificate.SEEDS) -> bool:
    """Makes the A/A certificate of the experiment; false if that is not possible, and the log says why."""
    try:
        certificate.certify(name, weeks=weeks, seeds=seeds)
    except (NoSuchExperiment, TooFewData) as error:
        logger.warning("%s has no A/A certificate: %s", name, error)
        return False
    return True
